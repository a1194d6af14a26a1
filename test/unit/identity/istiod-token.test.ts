import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { tokenFromFile } from '../../../src/identity/ca-token.js';
import { Secret } from '../../../src/secret.js';
import { assertRefused } from '../../support/assert-refused.js';
import { IstiodBed, request } from './istiod-bed.js';

describe('IstiodSource and its token', () => {
  let bed: IstiodBed;
  before(async () => (bed = await IstiodBed.start()));
  after(() => bed.close());
  beforeEach(() => bed.begin());
  afterEach(() => bed.end());

  it('is read from a file each time', async () => {
    const readToken = await bed.fileToken(await bed.tokenOf('other'));
    const from = bed.source({ readToken });
    await assertRefused(
      bed.fetch(from),
      'MESH_ERR_CA_TOKEN_REFUSED',
      /default\/other, not of default\/bigip/,
    );
    assert.equal(bed.server.calls.length, 0, 'nobody signed for another account');
    await bed.fileToken(await bed.tokenOf('bigip'));
    await bed.fetch(from);
  });

  it('is named when it cannot be read, is empty, or is no token', async () => {
    const missing = bed.source({ readToken: tokenFromFile(join(bed.folder, 'nothing')) });
    await assertRefused(bed.fetch(missing), 'MESH_ERR_CA_TOKEN_MISSING', /nothing cannot be read \(ENOENT\)/);
    const empty = bed.source({ readToken: await bed.fileToken(new Secret('\n')) });
    await assertRefused(bed.fetch(empty), 'MESH_ERR_CA_TOKEN_MISSING', /token is empty/);
    const cut = bed.source({ readToken: await bed.fileToken(new Secret('to\nken-4711')) });
    const error = await assertRefused(bed.fetch(cut), 'MESH_ERR_CA_TOKEN_MISSING', /is no token/);
    assert.doesNotMatch(inspect(error, { showHidden: true, depth: 9 }), /4711/);
  });

  it('is missing where the service account does not exist', async () => {
    await assertRefused(
      bed.fetch(bed.source(), request('spiffe://cluster.local/ns/default/sa/nobody')),
      'MESH_ERR_CA_TOKEN_MISSING',
      /service account default\/nobody does not exist/,
      /kubectl create serviceaccount nobody --namespace default/,
    );
  });

  it('is told to have expired', async () => {
    const token = await bed.tokenOf('bigip');
    await bed.time.advance(601_000);
    await assertRefused(
      bed.fetch(bed.source({ readToken: await bed.fileToken(token) })),
      'MESH_ERR_CA_TOKEN_REFUSED',
      /does not accept the token in .*: it expired at 20/,
      /renewed.*clocks/,
    );
  });

  it('is told to be for another audience', async () => {
    const token = await bed.tokenOf('bigip', ['vault']);
    await assertRefused(
      bed.fetch(bed.source({ readToken: await bed.fileToken(token) })),
      'MESH_ERR_CA_TOKEN_REFUSED',
      /it is for the audience vault and not for istio-ca/,
      /audience istio-ca/,
    );
  });

  it('is told to be of a cluster that the CA does not know', async () => {
    await assertRefused(
      bed.fetch(bed.source({}, { clusterId: 'west' })),
      'MESH_ERR_CA_TOKEN_REFUSED',
      /may not know the cluster west/,
      /clusterId/,
    );
  });

  it('is not sent twice once it was refused', async () => {
    await assert.rejects(bed.fetch(bed.source({}, { clusterId: 'west' })));
    assert.equal(bed.server.calls.length, 1);
    assert.deepEqual(bed.slept, []);
  });

  it('is in no error, even where the CA quotes it', async () => {
    const token = await bed.tokenOf('bigip');
    for (const code of [status.UNAUTHENTICATED, status.INVALID_ARGUMENT, status.DATA_LOSS]) {
      bed.server.failNext({ code, message: `bad\nheader: Bearer ${token.reveal()}` });
      const error: unknown = await bed
        .fetch(bed.source({ readToken: await bed.fileToken(token) }))
        .catch((error: unknown) => error);
      const shown = inspect(error, { showHidden: true, depth: 9 });
      assert.match(shown, /bad header: Bearer \[redacted\]/);
      assert.ok(!shown.includes(token.reveal()));
    }
  });
});
