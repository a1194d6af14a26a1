import type { CheckGroup } from '../check.js';
import { expectEqual, expectMembers, expectOk, expectRefusal, expectThat } from '../expectations.js';
import { objectsOf } from '../json.js';
import type { JsonObject } from '../json.js';
import type { Pair } from '../material.js';
import { collection, item } from '../subject.js';
import type { Release, Subject } from '../subject.js';
import { install } from './files.js';

const kind = 'ltm/profile/client-ssl';

/** The client SSL profile that faces the mesh, and the pair that it serves. */
export const profileChecks: CheckGroup = {
  title: 'client SSL profiles',
  checks: [
    {
      name: 'a profile gives back each member as the agent writes it',
      evidence: 'members and types recorded, 13.0.0, 14.1.2.1 and 16.0.0',
      needs: 'write',
      async run(subject) {
        await installPair(subject, 'kept', subject.material.rsa);
        const bundle = `/${subject.partition}/kept.crt`;
        const members = {
          caFile: bundle,
          clientCertCa: bundle,
          peerCertMode: 'require',
          authenticate: 'always',
          authenticateDepth: 4,
          retainCertificate: 'true',
          cacheSize: 0,
          sessionTicket: 'disabled',
          sessionMirroring: 'disabled',
          renegotiation: 'disabled',
          allowNonSsl: 'disabled',
          bypassOnClientCertFail: 'disabled',
          bypassOnHandshakeAlert: 'disabled',
          sslForwardProxy: 'disabled',
          sniRequire: 'false',
          description: 'mesh-agent:conformance',
          ...(isAtLeast(subject.release, 15, 1) ? { data_0rtt: 'disabled' } : {}),
        };
        const made = await createProfile(subject, 'kept', 'kept', members);
        expectMembers(made, { ...members, defaultsFrom: '/Common/clientssl' });
        const read = expectOk(await subject.http.get(item(kind, subject.partition, 'kept')));
        expectMembers(read, members);
      },
    },
    {
      name: 'certKeyChain gives back its label, full paths, and "none" for a chain that is not there',
      evidence: 'recorded, 13.0.0 and 16.0.0',
      needs: 'write',
      async run(subject) {
        await installPair(subject, 'chained', subject.material.rsa);
        const { certKeyChain } = await createProfile(subject, 'chained', 'chained');
        const [entry, ...more] = objectsOf(certKeyChain);
        expectEqual('entries', 1 + more.length, 1);
        expectMembers(entry ?? {}, {
          name: 'mesh',
          cert: `/${subject.partition}/chained.crt`,
          key: `/${subject.partition}/chained.key`,
          chain: 'none',
          usage: isAtLeast(subject.release, 14, 0) ? 'SERVER' : undefined,
        });
      },
    },
    {
      name: 'tmOptions is a list up to version 13, words in braces or a bare word since, "none" when empty',
      evidence: 'recorded, 13.0.0, 14.1.2.1 and 16.0.0; the bare word: clients that rely on it',
      needs: 'write',
      async run(subject) {
        await installPair(subject, 'options', subject.material.rsa);
        const isList = !isAtLeast(subject.release, 14, 0);
        const words = ['dont-insert-empty-fragments', isList ? 'no-tlsv1.2' : 'no-tlsv1.3'];
        const one = words.slice(0, 1);
        const made = await createProfile(subject, 'options', 'options', { tmOptions: words });
        expectEqual('tmOptions', made['tmOptions'], isList ? words : `{ ${words.join(' ')} }`);
        const path = item(kind, subject.partition, 'options');
        const single = expectOk(await subject.http.patch(path, { tmOptions: one }));
        expectEqual('tmOptions', single['tmOptions'], isList ? one : one[0]);
      },
    },
    {
      name: 'a key that does not belong to its certificate is refused with 400 01070317',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition: p, release, material } = subject;
        await installPair(subject, 'parted', material.rsa);
        await install(subject, 'ssl-key', 'foreign.key', material.otherRsa.keyPem.reveal());
        const answer = await post(subject, 'parted', 'parted', { key: `/${p}/foreign.key` });
        expectRefusal(answer, {
          status: 400,
          apiError: 3,
          message: isAtLeast(release, 14, 0)
            ? `01070317:3: profile /${p}/parted's key(/${p}/foreign.key) and certificate(/${p}/parted.crt) do not match.`
            : /^01070317:3: profile .*key and certificate do not match/,
        });
      },
    },
    {
      name: 'one half of a pair in use is not replaced: 400 01070317',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { http, partition, material } = subject;
        await installPair(subject, 'half', material.rsa);
        await createProfile(subject, 'half', 'half');
        const sourcePath = await subject.upload('half', material.otherRsa.certificatePem);
        const answer = await http.patch(item('sys/file/ssl-cert', partition, 'half.crt'), { sourcePath });
        expectRefusal(answer, { status: 400, apiError: 3, message: /^01070317:3: / });
      },
    },
    {
      name: 'a profile is pointed to another pair by one PATCH of certKeyChain',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const { http, partition, material } = subject;
        await installPair(subject, 'old', material.rsa);
        await installPair(subject, 'new', material.otherRsa);
        await createProfile(subject, 'moved', 'old');
        const path = item(kind, partition, 'moved');
        const moved = expectOk(await http.patch(path, { certKeyChain: [chainOf(subject, 'new')] }));
        const entries = objectsOf(moved['certKeyChain']).map(({ name, cert, key }) => ({ name, cert, key }));
        const [cert, key] = [`/${partition}/new.crt`, `/${partition}/new.key`];
        expectEqual('certKeyChain', entries, [{ name: 'mesh', cert, key }]);
        expectOk(await http.delete(item('sys/file/ssl-key', partition, 'old.key')));
      },
    },
    {
      name: 'a pair of elliptic curves may stand alone from version 14 on; before, one of RSA is demanded',
      evidence: 'reported: 010717e3',
      needs: 'write',
      async run(subject) {
        await installPair(subject, 'curved', subject.material.ec);
        if (isAtLeast(subject.release, 14, 0)) {
          await createProfile(subject, 'curved', 'curved');
          return;
        }
        const answer = await post(subject, 'curved', 'curved');
        expectRefusal(answer, { status: 400, apiError: 3, message: /^010717e3:3: .*RSA/ });
      },
    },
    {
      name: 'a key that is not there is refused with 400 01070277',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition, material } = subject;
        await installPair(subject, 'lonely', material.rsa);
        const answer = await post(subject, 'lonely', 'lonely', { key: `/${partition}/absent.key` });
        expectRefusal(answer, {
          status: 400,
          apiError: 3,
          message: /^01070277:3: The requested .* was not found\./,
        });
      },
    },
    {
      name: 'a certificate and a key that a profile uses are not removed: 400 01071349',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await installPair(subject, 'used', subject.material.rsa);
        await createProfile(subject, 'used', 'used');
        for (const [file, name] of [
          ['ssl-cert', 'used.crt'],
          ['ssl-key', 'used.key'],
        ] as const) {
          expectRefusal(await http.delete(item(`sys/file/${file}`, partition, name)), {
            status: 400,
            apiError: 3,
            message: `01071349:3: File object by name (/${partition}/${name}) is in use.`,
          });
        }
      },
    },
  ],
};

export function isAtLeast({ major, minor }: Release, wantedMajor: number, wantedMinor: number): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Makes NAME.crt and NAME.key. */
export async function installPair(subject: Subject, name: string, pair: Pair): Promise<void> {
  await install(subject, 'ssl-cert', `${name}.crt`, pair.certificatePem);
  await install(subject, 'ssl-key', `${name}.key`, pair.keyPem.reveal());
}

/** The entry of certKeyChain for NAME.crt and NAME.key. */
export function chainOf({ partition }: Subject, pair: string): JsonObject {
  return { name: 'mesh', cert: `/${partition}/${pair}.crt`, key: `/${partition}/${pair}.key`, chain: 'none' };
}

/** Makes a profile that serves a pair. */
export async function createProfile(
  subject: Subject,
  name: string,
  pair: string,
  members: JsonObject = {},
): Promise<JsonObject> {
  const { http, partition } = subject;
  const certKeyChain = [chainOf(subject, pair)];
  const body = { name, partition, defaultsFrom: '/Common/clientssl', certKeyChain, ...members };
  const made = expectOk(await http.post(collection(kind), body));
  expectThat(made['kind'] === 'tm:ltm:profile:client-ssl:client-sslstate', 'a profile', made['kind']);
  return made;
}

function post(subject: Subject, name: string, pair: string, chain: JsonObject = {}) {
  const { http, partition } = subject;
  const certKeyChain = [{ ...chainOf(subject, pair), ...chain }];
  return http.post(collection(kind), { name, partition, defaultsFrom: '/Common/clientssl', certKeyChain });
}
