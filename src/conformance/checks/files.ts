import { Inapplicable } from '../check.js';
import type { CheckGroup } from '../check.js';
import {
  expectEqual,
  expectMatch,
  expectMembers,
  expectOk,
  expectRefusal,
  expectThat,
} from '../expectations.js';
import type { JsonObject } from '../json.js';
import { checksumOf } from '../material.js';
import { collection, item } from '../subject.js';
import type { Subject } from '../subject.js';

const folder = '/var/config/rest/downloads';

/** Uploads, and the certificates and keys that are made of them. */
export const fileChecks: CheckGroup = {
  title: 'files',
  checks: [
    {
      name: 'each chunk of an upload is answered with how much is missing and where the file will be',
      evidence: 'members recorded; clients that rely on them',
      needs: 'write',
      async run(subject) {
        const file = subject.nameUpload('chunks');
        const first = expectOk(await chunk(subject, file, 'abcd', '0-3/6'));
        expectEqual('remainingByteCount', first['remainingByteCount'], 2);
        const last = expectOk(await chunk(subject, file, 'ef', '4-5/6'));
        expectMembers(last, {
          remainingByteCount: 0,
          totalByteCount: 6,
          localFilePath: `${folder}/${file}`,
          usedChunks: { '0': 4, '4': 2 },
        });
      },
    },
    {
      name: 'util/unix-rm removes an upload without a word, and says with 200 when there is none',
      evidence: 'recorded for unix-ls; clients that rely on it',
      needs: 'write',
      async run(subject) {
        const file = subject.nameUpload('removed');
        expectOk(await chunk(subject, file, 'a', '0-0/1'));
        const body = { command: 'run', utilCmdArgs: `${folder}/${file}` };
        const answer = await subject.http.post(collection('util/unix-rm'), body);
        if (answer.status === 401) throw new Inapplicable('this user may not run util/unix-rm');
        expectMembers(expectOk(answer), { ...body, commandResult: undefined });
        const again = expectOk(await subject.http.post(collection('util/unix-rm'), body));
        expectMatch('commandResult', again['commandResult'], /No such file or directory/);
      },
    },
    {
      name: 'a certificate is made of an upload, and its checksum is that of the file',
      evidence: 'recorded, 16.1.3.3',
      needs: 'write',
      async run(subject) {
        const { certificatePem } = subject.material.rsa;
        const made = await install(subject, 'ssl-cert', 'first.crt', certificatePem);
        expectMembers(made, {
          checksum: checksumOf(certificatePem),
          isBundle: 'false',
          subject: 'CN=conformance rsa-2048',
          keyType: 'rsa-public',
        });
        expectThat(
          typeof made['expirationDate'] === 'number',
          'seconds in expirationDate',
          made['expirationDate'],
        );
      },
    },
    {
      name: 'a key shows its checksum and never itself',
      evidence: 'recorded, 16.1.3.3',
      needs: 'write',
      async run(subject) {
        const { keyPem } = subject.material.rsa;
        const made = await install(subject, 'ssl-key', 'first.key', keyPem.reveal());
        expectMembers(made, { checksum: checksumOf(keyPem), keyType: 'rsa-private' });
        const { text } = await subject.http.get(item('sys/file/ssl-key', subject.partition, 'first.key'));
        expectThat(!text.includes('PRIVATE KEY'), 'no key in the answer', 'a key');
      },
    },
    {
      name: 'a file with two certificates is a bundle',
      evidence: 'recorded, 14.1.2.1',
      needs: 'write',
      async run(subject) {
        const { rsa, ec } = subject.material;
        const pem = rsa.certificatePem + ec.certificatePem;
        const made = await install(subject, 'ssl-cert', 'bundle.crt', pem);
        expectMembers(made, { isBundle: 'true', checksum: checksumOf(pem) });
      },
    },
    {
      name: 'certificates and keys carry a description',
      evidence: 'F5 reference of sys/file',
      needs: 'write',
      async run(subject) {
        const { rsa } = subject.material;
        const description = 'mesh-agent:conformance';
        const cert = await install(subject, 'ssl-cert', 'told.crt', rsa.certificatePem, { description });
        expectEqual('description of the certificate', cert['description'], description);
        const key = await install(subject, 'ssl-key', 'told.key', rsa.keyPem.reveal(), { description });
        expectEqual('description of the key', key['description'], description);
      },
    },
    {
      name: 'a second certificate of the name is refused with 409 01020066',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition, material } = subject;
        await install(subject, 'ssl-cert', 'twice.crt', material.rsa.certificatePem);
        const sourcePath = await subject.upload('twice', material.rsa.certificatePem);
        const body = { name: 'twice.crt', partition, sourcePath };
        expectRefusal(await subject.http.post(collection('sys/file/ssl-cert'), body), {
          status: 409,
          apiError: 3,
          message: `01020066:3: The requested Certificate File (/${partition}/twice.crt) already exists in partition ${partition}.`,
        });
      },
    },
    {
      name: 'a source path without a file is refused with 400 "Failed! exit_code (37)."',
      evidence: 'recorded',
      needs: 'write',
      async run({ http, partition }) {
        const sourcePath = `file:${folder}/${partition}-absent`;
        const body = { name: 'absent.crt', partition, sourcePath };
        expectRefusal(await http.post(collection('sys/file/ssl-cert'), body), {
          status: 400,
          apiError: 26_214_401,
          message: 'Failed! exit_code (37).\n',
        });
      },
    },
    {
      name: 'a file that is no PEM is refused with 400 01070712',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        const sourcePath = await subject.upload('garbage', 'no certificate\n');
        const body = { name: 'garbage.crt', partition, sourcePath };
        expectRefusal(await http.post(collection('sys/file/ssl-cert'), body), {
          status: 400,
          apiError: 3,
          message: /^01070712:3: /,
        });
      },
    },
    {
      name: 'a PATCH of the source path reads the file again: another checksum, the next revision',
      evidence: 'a functional test of F5’s Python SDK',
      needs: 'write',
      async run(subject) {
        const { rsa, otherRsa } = subject.material;
        const before = await install(subject, 'ssl-cert', 'refilled.crt', rsa.certificatePem);
        const sourcePath = await subject.upload('refill', otherRsa.certificatePem);
        const path = item('sys/file/ssl-cert', subject.partition, 'refilled.crt');
        const after = expectOk(await subject.http.patch(path, { sourcePath }));
        expectMembers(after, {
          checksum: checksumOf(otherRsa.certificatePem),
          revision: Number(before['revision']) + 1,
        });
      },
    },
    {
      name: 'a file object outlives the upload that it was made of',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const { rsa } = subject.material;
        const made = await install(subject, 'ssl-cert', 'lasting.crt', rsa.certificatePem);
        const sourcePath = String(made['sourcePath']);
        const body = { command: 'run', utilCmdArgs: sourcePath.replace(/^file:/, '') };
        const removed = await subject.http.post(collection('util/unix-rm'), body);
        if (removed.status === 401) throw new Inapplicable('this user may not run util/unix-rm');
        const kept = expectOk(
          await subject.http.get(item('sys/file/ssl-cert', subject.partition, 'lasting.crt')),
        );
        expectMembers(kept, { checksum: made['checksum'], sourcePath });
      },
    },
  ],
};

/** Uploads a file, and makes a certificate or key of it. */
export async function install(
  subject: Subject,
  kind: 'ssl-cert' | 'ssl-key',
  name: string,
  content: string,
  members: JsonObject = {},
): Promise<JsonObject> {
  const { http, partition } = subject;
  const sourcePath = await subject.upload(name, content);
  const body = { name, partition, sourcePath, ...members };
  return expectOk(await http.post(collection(`sys/file/${kind}`), body));
}

function chunk({ http }: Subject, file: string, content: string, range: string) {
  return http.post(`/mgmt/shared/file-transfer/uploads/${file}`, Buffer.from(content), {
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Range': range },
  });
}
