import { strict as assert } from 'node:assert';

import { startHttpEndpoint } from '../../../src/controller/http-endpoint.js';
import type { HttpEndpoint } from '../../../src/controller/http-endpoint.js';
import { Metrics } from '../../../src/controller/metrics.js';

describe('the HTTP endpoint', () => {
  let endpoint: HttpEndpoint;
  let liveProblems: string[];
  let readyProblems: string[];
  let notes: string[];

  beforeEach(async () => {
    liveProblems = [];
    readyProblems = [];
    notes = [];
    endpoint = await startHttpEndpoint({
      listen: { host: '127.0.0.1', port: 0 },
      metrics: new Metrics(),
      live: () => liveProblems,
      ready: () => readyProblems,
      notes: () => notes,
    });
  });
  afterEach(() => endpoint.close());

  const get = async (path: string, method = 'GET'): Promise<readonly [number, string]> => {
    const response = await fetch(`${endpoint.url}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('says that all is well', async () => {
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    assert.deepEqual(await get('/readyz?verbose'), [200, 'ok\n']);
  });

  it('says what is not, a line each, alive and ready by themselves', async () => {
    readyProblems = ['nobody leads yet', 'allowlists were not read yet'];
    assert.deepEqual(await get('/readyz'), [503, 'nobody leads yet\nallowlists were not read yet\n']);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    liveProblems = ['the queue does not turn'];
    assert.deepEqual(await get('/healthz'), [503, 'the queue does not turn\n']);
  });

  it('says what is to be known of a process that is ready all the same', async () => {
    notes = ['holds on to edge: the API server is away'];
    assert.deepEqual(await get('/readyz'), [200, 'ok\nholds on to edge: the API server is away\n']);
    assert.deepEqual(await get('/healthz'), [200, 'ok\n']);
    readyProblems = ['nobody leads other yet'];
    assert.deepEqual(await get('/readyz'), [503, 'nobody leads other yet\n']);
  });

  it('serves the metrics', async () => {
    const response = await fetch(`${endpoint.url}/metrics`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=/);
    assert.match(await response.text(), /^# TYPE bigip_mesh_leader gauge$/m);
  });

  it('has nothing else, and changes nothing', async () => {
    assert.equal((await get('/'))[0], 404);
    assert.equal((await get('/metrics', 'POST'))[0], 405);
  });

  it('says which address it cannot have', async () => {
    const { port } = new URL(endpoint.url);
    const options = {
      listen: { host: '127.0.0.1', port: Number(port) },
      metrics: new Metrics(),
      live: () => [],
      ready: () => [],
    };
    await assert.rejects(startHttpEndpoint(options), {
      code: 'MESH_ERR_CONTROLLER_LISTEN',
      message: `cannot listen on 127.0.0.1:${port} for health and metrics (EADDRINUSE)`,
    });
  });
});
