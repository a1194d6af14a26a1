import assert from 'node:assert/strict';
import { createLogger } from '../../../src/log.js';
import { Secret } from '../../../src/secret.js';
import { FakeClock } from '../../support/fake-clock.js';
import { advanceUntil, ScriptedDevice } from './scripted-device.js';
import type { Asked, Script, Scripted } from './scripted-device.js';

const folder = '/var/config/rest/downloads';

/** Keeps what is uploaded, as the device does. */
class UploadFolder {
  readonly files = new Map<string, Buffer>();
  readonly removed: string[] = [];
  readonly largest: number[] = [];

  readonly answer = ({ method, path, headers, body, json }: Asked): Scripted | undefined => {
    if (method === 'POST' && path === '/mgmt/tm/util/unix-rm') {
      this.removed.push(...String(json['utilCmdArgs']).split(' '));
      return { status: 200, json: { kind: 'tm:util:unix-rm:runstate', command: 'run' } };
    }
    const name = /^\/mgmt\/shared\/file-transfer\/uploads\/([^/]+)$/.exec(path)?.[1];
    if (name === undefined) return undefined;
    const [, start, end, total] = /^(\d+)-(\d+)\/(\d+)$/.exec(String(headers['content-range'])) ?? [];
    assert.equal(body.length, Number(end) - Number(start) + 1);
    assert.equal(headers['content-type'], 'application/octet-stream');
    this.largest.push(body.length);
    const before = Number(start) === 0 ? Buffer.alloc(0) : (this.files.get(name) ?? Buffer.alloc(0));
    assert.equal(before.length, Number(start));
    this.files.set(name, Buffer.concat([before, body]));
    return { status: 200, json: { remainingByteCount: Number(total) - Number(end) - 1 } };
  };
}

describe('Uploads', () => {
  let device: ScriptedDevice;
  const start = async (script: Script): Promise<void> => {
    device = await ScriptedDevice.start(script);
  };
  afterEach(() => device.stop());

  it('sends a file in chunks of 512 KiB and removes it when it has been used', async () => {
    const uploads = new UploadFolder();
    await start(uploads.answer);
    const content = Buffer.alloc(512 * 1024 * 2 + 5, 'x');
    const used = await device.client().uploads.withFiles([content], ([file]) => {
      assert.equal(file?.sourcePath, `file:${folder}/${file?.name}`);
      assert.match(file?.name ?? '', /^mesh-[0-9a-f]{32}$/);
      assert.deepEqual(uploads.files.get(file?.name ?? ''), content);
      assert.deepEqual(uploads.removed, []);
      return Promise.resolve(file?.name);
    });
    assert.deepEqual(uploads.largest, [512 * 1024, 512 * 1024, 5]);
    assert.deepEqual(uploads.removed, [`${folder}/${used}`]);
  });

  it('removes all files of a change set by one request', async () => {
    const uploads = new UploadFolder();
    await start(uploads.answer);
    const contents = ['certificate', new Secret('key'), new Secret(Buffer.from('chain'))];
    const names = await device
      .client()
      .uploads.withFiles(contents, (files) => Promise.resolve(files.map(({ name }) => name)));
    assert.deepEqual(
      names.map((name) => uploads.files.get(name)?.toString()),
      ['certificate', 'key', 'chain'],
    );
    assert.deepEqual(
      uploads.removed,
      names.map((name) => `${folder}/${name}`),
    );
    assert.equal(device.calls.filter((call) => call.endsWith('unix-rm')).length, 1);
  });

  it('removes the files also when using them fails', async () => {
    const uploads = new UploadFolder();
    await start(uploads.answer);
    const use = device.client().uploads.withFiles(['a'], () => Promise.reject(new Error('refused')));
    await assert.rejects(use, { message: 'refused' });
    assert.equal(uploads.removed.length, 1);
  });

  it('removes what a broken upload left, the part in tmp included', async () => {
    const uploads = new UploadFolder();
    await start((asked) =>
      asked.path.includes('uploads') && uploads.files.size === 1
        ? {
            status: 400,
            json: { code: 400, message: 'Chunk byte count 1 different', kind: ':resterrorresponse' },
          }
        : uploads.answer(asked),
    );
    await assert.rejects(device.client().uploads.withFiles(['a', 'b', 'c'], () => Promise.resolve()));
    const tmp = uploads.removed.filter((path) => path.startsWith(`${folder}/tmp/mesh-`));
    assert.equal(tmp.length, 2);
    assert.equal(uploads.removed.length, 4);
  });

  it('removes the files although the agent is being stopped', async () => {
    const uploads = new UploadFolder();
    await start(uploads.answer);
    const stop = new AbortController();
    const client = device.client({ signal: stop.signal });
    const use = client.uploads.withFiles(['a'], () => {
      stop.abort(new Error('stopping'));
      return client.request({ method: 'GET', path: '/mgmt/tm/sys/ready' });
    });
    await assert.rejects(use, { message: 'stopping' });
    assert.equal(uploads.removed.length, 1);
  });

  it('starts again from the first byte after a chunk was lost', async () => {
    const uploads = new UploadFolder();
    const clock = new FakeClock();
    let lost = false;
    await start((asked) => {
      if (!lost && String(asked.headers['content-range']).startsWith('524288-')) {
        lost = true;
        return 'reset';
      }
      return uploads.answer(asked);
    });
    const content = Buffer.alloc(600_000, 'y');
    const call = device
      .client({ clock })
      .uploads.withFiles([content], ([file]) => Promise.resolve(uploads.files.get(file?.name ?? '')));
    await advanceUntil(clock, call);
    assert.deepEqual(await call, content);
    assert.deepEqual(uploads.largest, [524_288, 524_288, 75_712]);
  });

  it('never shows what a device echoes of the posted bytes', async () => {
    const lines: string[] = [];
    const logger = createLogger('trace', { write: (line: string) => void lines.push(line) });
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----';
    const records: unknown[] = [];
    await start(({ path }) =>
      path.includes('uploads')
        ? { status: 400, html: pem }
        : { status: 200, json: { token: { token: 'A'.repeat(26) }, message: 'x' } },
    );
    const client = device.client({ logger, onRequest: (record) => records.push(record) });
    const error: unknown = await client.uploads
      .withFiles([new Secret(pem)], () => Promise.resolve())
      .catch((thrown: unknown) => thrown);
    logger.error({ error, err: error }, 'failed');
    const everything = [
      JSON.stringify(error),
      String((error as Error).stack),
      ...lines,
      JSON.stringify(records),
    ];
    assert.doesNotMatch(everything.join('\n'), /PRIVATE KEY|MIGH/);
  });

  it('keeps in mind what it could not remove and tries again before it ends', async () => {
    const uploads = new UploadFolder();
    let refuse = true;
    await start((asked) =>
      refuse && asked.path.endsWith('unix-rm')
        ? { status: 200, json: { commandResult: 'rm: cannot remove: Permission denied\n' } }
        : uploads.answer(asked),
    );
    const lines: string[] = [];
    const logger = createLogger('error', { write: (line: string) => void lines.push(line) });
    const client = device.client({ logger });
    const name = await client.uploads.withFiles(['a'], ([file]) => Promise.resolve(file?.name));
    assert.match(lines.join(''), new RegExp(`${name}.*Permission denied`));
    refuse = false;
    await client.close();
    assert.ok(uploads.removed.includes(`${folder}/${name}`));
  });

  it('takes a file that is gone for removed', async () => {
    const uploads = new UploadFolder();
    await start((asked) =>
      asked.path.endsWith('unix-rm')
        ? { status: 200, json: { commandResult: '/bin/rm: cannot remove x: No such file or directory\n' } }
        : uploads.answer(asked),
    );
    const client = device.client();
    await client.uploads.withFiles(['a'], () => Promise.resolve());
    await client.close();
    assert.equal(device.calls.filter((call) => call.endsWith('unix-rm')).length, 1);
  });
});
