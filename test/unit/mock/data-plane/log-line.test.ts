import { strict as assert } from 'node:assert';
import { renderLogLine, tclErrorMessage } from '../../../../src/mock/data-plane/log-line.js';

const line = { at: new Date('2026-03-05T08:06:09Z'), hostname: 'ip-10-1-1-7', level: 'info', pid: 17_954 };

describe('a line of the device log', () => {
  it('has date, host, level and process in front, as /var/log/ltm has', () => {
    assert.equal(
      renderLogLine({
        ...line,
        message: 'Rule /Common/log_cert <CLIENTSSL_CLIENTCERT>: allowing: spiffe://a/b',
      }),
      'Mar  5 08:06:09 ip-10-1-1-7 info tmm[17954]: Rule /Common/log_cert <CLIENTSSL_CLIENTCERT>: allowing: spiffe://a/b',
    );
  });

  it('is cut after 1024 bytes of message', () => {
    const rendered = renderLogLine({ ...line, message: 'x'.repeat(2000) });
    assert.equal(rendered.length, 'Mar  5 08:06:09 ip-10-1-1-7 info tmm[17954]: '.length + 1024);
  });

  it('says in one line which command of a rule failed', () => {
    assert.equal(
      tclErrorMessage({
        rule: '/Common/r',
        event: 'CLIENT_ACCEPTED',
        message: 'can\'t read "x":\nno',
        command: 'set x',
      }),
      '01220001:3: TCL error: /Common/r <CLIENT_ACCEPTED> - can\'t read "x": no     while executing "set x"',
    );
  });
});
