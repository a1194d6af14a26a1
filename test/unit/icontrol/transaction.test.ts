import assert from 'node:assert/strict';
import type { Command } from '../../../src/icontrol/request.js';
import { transactionRequests } from '../../../src/icontrol/transaction.js';
import { FakeClock } from '../../support/fake-clock.js';
import { advanceUntil, ScriptedDevice } from './scripted-device.js';
import type { Asked, Reply, Scripted } from './scripted-device.js';

const id = 1508382989073722;
const transaction = `/mgmt/tm/transaction/${id}`;
const key: Command = {
  method: 'PATCH',
  path: '/mgmt/tm/sys/file/ssl-key/~mesh~a.key',
  body: { sourcePath: 'file:/x' },
};
const removal: Command = { method: 'DELETE', path: '/mgmt/tm/ltm/pool/~mesh~old' };

/** Opens, queues and commits as a device does, unless `first` answers. */
function transactions(first: (asked: Asked) => Scripted | undefined = () => undefined) {
  return (asked: Asked): Scripted | undefined => {
    const scripted = first(asked);
    if (scripted !== undefined) return scripted;
    const { method, path, headers } = asked;
    if (headers['x-f5-rest-coordination-id'] === String(id)) {
      return { status: 200, json: { kind: 'tm:transaction:commandsstate', method, commandId: 1 } };
    }
    if (path === '/mgmt/tm/transaction') return { status: 200, json: { transId: id, state: 'STARTED' } };
    if (path === transaction) return { status: 200, json: { transId: id, state: 'COMPLETED' } };
    return undefined;
  };
}

const commitAnswers = (reply: Scripted) => (asked: Asked) =>
  asked.method === 'PATCH' && asked.path === transaction ? reply : undefined;

describe('Transactions', () => {
  let device: ScriptedDevice;
  const start = async (first?: (asked: Asked) => Scripted | undefined): Promise<void> => {
    device = await ScriptedDevice.start(transactions(first));
  };
  afterEach(() => device.stop());

  it('opens, queues in order and commits, the id bound to the queued requests alone', async () => {
    await start();
    await device.client().transactions.commit([key, removal]);
    assert.deepEqual(device.calls, [
      'POST /mgmt/tm/transaction',
      `PATCH ${key.path}`,
      `DELETE ${removal.path}`,
      `PATCH ${transaction}`,
    ]);
    const marks = device.asked.slice(-4).map(({ headers }) => headers['x-f5-rest-coordination-id']);
    assert.deepEqual(marks, [undefined, String(id), String(id), undefined]);
    assert.deepEqual(device.asked.at(-1)?.json, { state: 'VALIDATING' });
  });

  it('sends what the plan of it says', async () => {
    await start();
    await device.client().transactions.commit([key, removal]);
    const { open, queue, commit } = transactionRequests([key, removal], { id: String(id) });
    assert.deepEqual(
      [open, ...queue, commit].map(({ method, path }) => `${method} ${path}`),
      device.calls,
    );
  });

  it('takes the answer of 11.x, which is the transaction, for a queued command', async () => {
    await start(({ headers }) =>
      headers['x-f5-rest-coordination-id'] === undefined
        ? undefined
        : { status: 200, json: { kind: 'tm:transactionstate', transId: id } },
    );
    await device.client().transactions.commit([key]);
  });

  it('stops and drops the transaction when the device carried a command out at once', async () => {
    await start(({ path }) =>
      path === key.path ? { status: 200, json: { kind: 'tm:sys:file:ssl-key:ssl-keystate' } } : undefined,
    );
    await assert.rejects(device.client().transactions.commit([key, removal]), {
      code: 'MESH_ERR_DEVICE_PROTOCOL',
      message: /did not queue/,
    });
    assert.deepEqual(device.calls.slice(2), [`DELETE ${transaction}`]);
  });

  it('drops the transaction when a command cannot be queued', async () => {
    await start(({ path }) => (path === removal.path ? 'reset' : undefined));
    await assert.rejects(device.client().transactions.commit([key, removal]), {
      code: 'MESH_ERR_DEVICE_UNREACHABLE',
    });
    assert.deepEqual(device.calls.slice(3), [`DELETE ${transaction}`]);
  });

  it('drops the transaction when the agent is being stopped while it queues', async () => {
    const stop = new AbortController();
    await start(({ path }) => {
      if (path === removal.path) stop.abort(new Error('stopping'));
      return undefined;
    });
    await assert.rejects(device.client({ signal: stop.signal }).transactions.commit([key, removal, key]), {
      message: 'stopping',
    });
    assert.equal(device.calls.at(-1), `DELETE ${transaction}`);
    assert.equal(device.calls.includes(`PATCH ${transaction}`), false);
  });

  it('finishes a commit under way although the agent is being stopped', async () => {
    const stop = new AbortController();
    await start(({ path, method }) => {
      if (path === transaction && method === 'PATCH') stop.abort(new Error('stopping'));
      return undefined;
    });
    await device.client({ signal: stop.signal }).transactions.commit([key]);
  });

  it('gives the refusal of the command that failed, with its code and its next step', async () => {
    await start(
      commitAnswers({
        status: 400,
        json: {
          code: 400,
          message:
            "transaction failed:01070317:3: profile /mesh/p's key(/mesh/a.key) and certificate(/mesh/a.crt) do not match.",
          errorStack: [],
          apiError: 2,
        },
      }),
    );
    await assert.rejects(device.client().transactions.commit([key]), {
      code: 'MESH_ERR_DEVICE_KEY_MISMATCH',
      deviceCode: '01070317',
      consequence: 'refused',
      outcomeUnknown: false,
      nextStep: /one transaction/,
    });
    assert.equal(device.calls.at(-1), `DELETE ${transaction}`);
  });

  it('does not settle for a 200 without COMPLETED', async () => {
    for (const [state, code] of [
      ['FAILED', 'MESH_ERR_DEVICE_REFUSED'],
      ['VALIDATING', 'MESH_ERR_DEVICE_OUTCOME_UNKNOWN'],
      [undefined, 'MESH_ERR_DEVICE_OUTCOME_UNKNOWN'],
    ] as const) {
      await start(commitAnswers({ status: 200, json: { state, failureReason: 'because' } }));
      await assert.rejects(device.client().transactions.commit([key]), { code });
      await device.stop();
    }
  });

  const timeout: Reply = {
    status: 400,
    json: {
      code: 400,
      message: 'remoteSender:10.0.2.2, method:PATCH ',
      errorStack: ['java.util.concurrent.TimeoutException: remoteSender:10.0.2.2, method:PATCH '],
      kind: ':resterrorresponse',
    },
  };
  const lost: readonly [string, Scripted][] = [
    ['the connection broke', 'reset'],
    ['the forwarded call took too long', timeout],
    [
      'Apache answered for the device',
      { status: 503, html: '<title>Configuration Utility restarting...</title>' },
    ],
    [
      'mcpd went away',
      {
        status: 500,
        json: { code: 500, message: 'The connection to mcpd has been lost, try again.', apiError: 32768001 },
      },
    ],
  ];
  for (const [what, reply] of lost) {
    it(`never sends a commit twice, and leaves its outcome open, when ${what}`, async () => {
      await start(commitAnswers(reply));
      await assert.rejects(device.client().transactions.commit([key]), {
        code: 'MESH_ERR_DEVICE_OUTCOME_UNKNOWN',
        transient: true,
        outcomeUnknown: true,
      });
      assert.equal(device.calls.filter((call) => call === `PATCH ${transaction}`).length, 1);
      assert.equal(device.calls.at(-1), `PATCH ${transaction}`);
    });
  }

  it('is content when reading back shows the change after all', async () => {
    const clock = new FakeClock();
    await start(commitAnswers('reset'));
    const seen = [false, true];
    const call = device.client({ clock }).transactions.commit([key], {
      resolve: () => Promise.resolve(seen.shift() ?? true),
    });
    await advanceUntil(clock, call);
    await call;
    assert.deepEqual(seen, []);
  });

  it('reports the outcome as unknown when reading back never shows the change', async () => {
    const clock = new FakeClock();
    await start(commitAnswers('reset'));
    let looks = 0;
    const call = device.client({ clock }).transactions.commit([key], {
      resolve: () => {
        looks += 1;
        return Promise.resolve(false);
      },
    });
    await Promise.all([
      assert.rejects(call, { code: 'MESH_ERR_DEVICE_OUTCOME_UNKNOWN' }),
      advanceUntil(clock, call),
    ]);
    assert.equal(looks, 3);
  });

  it('only validates when asked to, and leaves no transaction behind', async () => {
    await start();
    await device.client().transactions.commit([key], { validateOnly: true });
    assert.deepEqual(device.asked.at(-2)?.json, { state: 'VALIDATING', validateOnly: true });
    assert.equal(device.calls.at(-1), `DELETE ${transaction}`);
  });

  it('sends a commit again that was answered by a 401, because that one was not carried out', async () => {
    const message = 'X-F5-Auth-Token has expired.';
    const replies: Reply[] = [{ status: 401, json: { code: 401, message, kind: ':resterrorresponse' } }];
    await start((asked) =>
      asked.method === 'PATCH' && asked.path === transaction ? replies.shift() : undefined,
    );
    await device.client().transactions.commit([key]);
    assert.equal(device.logins, 2);
  });

  it('refuses to commit nothing', async () => {
    await start();
    await assert.rejects(device.client().transactions.commit([]), { code: 'MESH_ERR_BUG' });
    assert.deepEqual(device.calls, []);
  });
});
