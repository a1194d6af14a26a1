import { strict as assert } from 'node:assert';
import { assert as assertProperty, property, uint8Array } from 'fast-check';
import { findServerCertificates } from '../../../src/proof/server-flight.js';

const threeBytes = (length: number): Buffer =>
  Buffer.from([length >> 16, (length >> 8) & 0xff, length & 0xff]);
const message = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type]), threeBytes(body.length), body]);
const record = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 3, body.length >> 8, body.length & 0xff]), body]);
const certificateList = (...certificates: Buffer[]): Buffer => {
  const list = Buffer.concat(
    certificates.map((certificate) => Buffer.concat([threeBytes(certificate.length), certificate])),
  );
  return Buffer.concat([threeBytes(list.length), list]);
};

describe("the server's first flight", () => {
  const leaf = Buffer.from('leaf');
  const chain = [leaf, Buffer.from('issuer')];
  const flight = record(
    22,
    Buffer.concat([message(2, Buffer.from('hello')), message(11, certificateList(...chain))]),
  );

  it('gives the certificates of the list', () => assert.deepEqual(findServerCertificates(flight), chain));

  it('gives it however the messages are cut into records', () => {
    const content = flight.subarray(5);
    for (let cut = 1; cut < content.length; cut += 1) {
      const cutFlight = Buffer.concat([
        record(22, content.subarray(0, cut)),
        record(22, content.subarray(cut)),
      ]);
      assert.deepEqual(findServerCertificates(cutFlight), chain, `cut at ${cut}`);
    }
  });

  it('gives nothing as long as the message is not complete', () => {
    for (let length = 0; length < flight.length; length += 1) {
      const found = findServerCertificates(flight.subarray(0, length));
      assert.deepEqual(found, undefined);
    }
  });

  it('gives nothing for an alert, an empty or broken list or a server hello alone', () => {
    for (const bytes of [
      record(21, Buffer.from([2, 40])),
      record(22, message(11, certificateList())),
      record(22, message(11, certificateList(leaf).subarray(0, -1))),
      record(22, message(11, certificateList(leaf, Buffer.alloc(0)))),
      record(22, message(2, leaf)),
    ]) {
      assert.equal(findServerCertificates(bytes), undefined);
    }
  });

  it('never throws, whatever it reads', () => {
    assertProperty(
      property(uint8Array({ maxLength: 200 }), (bytes) => {
        findServerCertificates(Buffer.from(bytes));
        findServerCertificates(Buffer.concat([Buffer.from([22, 3, 3, 0, bytes.length]), Buffer.from(bytes)]));
      }),
    );
  });
});
