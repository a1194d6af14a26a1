import assert from 'node:assert/strict';

import type { Allowlist } from '../../../src/allowlist/allowlist.js';
import { systemClock } from '../../../src/clock.js';
import { MeshCa } from '../../../src/demo/mesh-ca.js';
import { AgentError } from '../../../src/errors.js';
import type { IdentitySource, SvidRequest } from '../../../src/identity/identity-source.js';
import { mintProofCallers } from '../../../src/proof/callers.js';
import type { ProofCallers } from '../../../src/proof/proof.js';
import { parseSpiffeId } from '../../../src/spiffe/spiffe-id.js';

const own = 'spiffe://cluster.local/ns/default/sa/bigip';
const good = 'spiffe://cluster.local/ns/trusted/sa/sleep';

describe('mintProofCallers', () => {
  let ca: MeshCa;
  let asked: string[];
  before(async () => {
    ca = await MeshCa.create({ now: systemClock.now() });
  });
  beforeEach(() => {
    asked = [];
  });

  function source(canImpersonate: boolean, gives?: (request: SvidRequest) => string): IdentitySource {
    return {
      name: canImpersonate ? 'ca-secret' : 'istiod',
      canImpersonate,
      mintsKeys: canImpersonate,
      fetchTrustBundle: () => Promise.resolve(ca.trustBundle),
      fetchSvid: async (request) => {
        asked.push(request.spiffeId.text);
        const svid = await ca.mint(gives?.(request) ?? request.spiffeId.text);
        return { svid, trustBundle: ca.trustBundle };
      },
    };
  }

  const entries = (texts: readonly string[]): Allowlist['allow'] =>
    texts.map((text, index) => ({
      text,
      trustDomain: 'cluster.local',
      origin: { namespace: 'default', configMap: 'callers', key: 'allow', line: index + 1 },
    }));

  function callers(
    from: IdentitySource,
    allow: readonly string[],
    options: { mode?: Allowlist['mode']; signal?: AbortSignal } = {},
  ): Promise<ProofCallers> {
    const identity = parseSpiffeId(own);
    assert.ok(identity.ok);
    return mintProofCallers({
      allowlist: { allow: entries(allow), deny: [], mode: options.mode ?? 'enforce' },
      trustDomains: ['cluster.local'],
      identity: identity.value,
      source: from,
      clock: systemClock,
      signal: options.signal ?? new AbortController().signal,
    });
  }

  const names = ({ good, bad, foreign }: ProofCallers): (string | undefined)[] =>
    [good, bad, foreign].map((caller) => caller?.spiffeId.text);
  const missing = ({ unproven = [] }: ProofCallers): string[] =>
    unproven.map(({ name, reason }) => `${name}: ${reason}`);

  describe('from a source that signs for others', () => {
    it('gives a good and a bad caller, and one of another CA', async () => {
      const made = await callers(source(true), [good]);
      const stranger = 'spiffe://cluster.local/ns/default/sa/bigip-mesh-probe';
      assert.deepEqual(names(made), [good, stranger, good]);
      assert.deepEqual(missing(made), []);
    });

    it('says that an empty allowlist has no good caller', async () => {
      const made = await callers(source(true), []);
      assert.equal(made.good, undefined);
      assert.deepEqual(missing(made), ['good caller: the allowlist admits nobody']);
    });

    it('says that nobody is kept out in audit mode, or where everybody is admitted', async () => {
      const audit = await callers(source(true), [good], { mode: 'audit' });
      assert.deepEqual(missing(audit), ['bad caller: in audit mode nobody of the mesh is kept out']);
      const all = await callers(source(true), ['spiffe://cluster.local/ns/*']);
      assert.deepEqual(missing(all), ['bad caller: the allowlist admits everybody of the mesh']);
    });
  });

  describe('from a source that signs for itself alone', () => {
    it('calls in the own name: as the bad caller where it is not listed', async () => {
      const made = await callers(source(false), [good]);
      assert.deepEqual(names(made), [undefined, own, good]);
      assert.deepEqual(missing(made), [
        `good caller: source istiod gives certificates of ${own} alone, which the allowlist does not admit`,
      ]);
      assert.deepEqual(asked, [own]);
    });

    it('and as the good caller where it is', async () => {
      const made = await callers(source(false), [good, own]);
      assert.deepEqual(names(made), [own, undefined, good]);
      assert.deepEqual(missing(made), [
        `bad caller: source istiod gives certificates of ${own} alone, which the allowlist admits`,
      ]);
    });

    it('has nobody to call in audit mode, unless it is listed', async () => {
      const made = await callers(source(false), [good], { mode: 'audit' });
      assert.deepEqual(names(made), [undefined, undefined, good]);
      assert.equal(missing(made).length, 2);
      assert.deepEqual(asked, []);
      const listed = await callers(source(false), [own], { mode: 'audit' });
      assert.deepEqual(names(listed).slice(0, 2), [own, undefined]);
      assert.deepEqual(missing(listed), ['bad caller: in audit mode nobody of the mesh is kept out']);
    });

    it('goes without it where it gives nothing, or something else, and says so', async () => {
      const unavailable = new AgentError('MESH_ERR_CA_UNAVAILABLE', 'the mesh CA is away', 'wait');
      const away = { ...source(false), fetchSvid: () => Promise.reject(unavailable) };
      assert.match(missing(await callers(away, [good])).join('\n'), /bad caller: .* the mesh CA is away/);
      assert.match(missing(await callers(away, [own])).join('\n'), /good caller: .* the mesh CA is away/);
      const other = source(false, () => good);
      const made = await callers(other, [good]);
      assert.deepEqual(names(made), [undefined, undefined, good]);
      assert.match(missing(made).join('\n'), /bad caller: there is no certificate: .* carries spiffe:/);
    });

    it('does not swallow the end of the process, or a fault of its own', async () => {
      const controller = new AbortController();
      const reason = new Error('shutting down');
      const aborting = {
        ...source(false),
        fetchSvid: () => {
          controller.abort(reason);
          return Promise.reject(new AgentError('MESH_ERR_CA_UNAVAILABLE', 'x', 'y'));
        },
      };
      await assert.rejects(callers(aborting, [good], { signal: controller.signal }), reason);
      const bug = new TypeError('bug');
      const faulty = { ...source(false), fetchSvid: () => Promise.reject(bug) };
      await assert.rejects(callers(faulty, [good]), bug);
    });
  });
});
