import type { CheckGroup } from '../check.js';
import type { Answer } from '../device-http.js';
import {
  expectEqual,
  expectMatch,
  expectMembers,
  expectOk,
  expectRefusal,
  expectStatus,
  expectThat,
} from '../expectations.js';
import { objectsOf } from '../json.js';
import { collection, item } from '../subject.js';
import type { Subject } from '../subject.js';
import { Transaction } from '../transaction.js';
import { install } from './files.js';
import { chainOf, createProfile, installPair } from './profiles.js';

const kind = 'ltm/data-group/internal';

/** Every change of the agent is one transaction, and two writers are kept apart by what a transaction is. */
export const transactionChecks: CheckGroup = {
  title: 'transactions',
  checks: [
    {
      name: 'a transaction starts with a number for its id, and 120 s to live',
      evidence: 'recorded, 12.1.1 and 17.5.0',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        expectThat(Number.isSafeInteger(transaction.opened['transId']), 'a safe integer', transaction.id);
        expectMembers(transaction.opened, {
          state: 'STARTED',
          timeoutSeconds: 120,
          kind: 'tm:transactionstate',
        });
        await transaction.drop();
      },
    },
    {
      name: 'a write with the id is queued: it answers with the command, and nothing is made',
      evidence: 'recorded, 12.1.2',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        const transaction = await Transaction.open(subject);
        const body = { name: 'queued', partition, type: 'string' };
        const queued = expectOk(await transaction.send('POST', collection(kind), body));
        expectMembers(queued, {
          kind: 'tm:transaction:commandsstate',
          method: 'POST',
          body,
          evalOrder: 1,
          commandId: 1,
        });
        expectMatch('uri', queued['uri'], new RegExp(`${collection(kind)}$`));
        expectStatus(await http.get(at(subject, 'queued')), 404);
        await transaction.drop();
      },
    },
    {
      name: 'a read with the id runs at once, and sees what was committed before',
      evidence: 'a functional test of F5’s Python SDK',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('unread');
        expectStatus(await transaction.send('GET', at(subject, 'unread')), 404);
        const version = expectOk(await transaction.send('GET', '/mgmt/tm/sys/version'));
        expectEqual('kind', version['kind'], 'tm:sys:version:versionstats');
        expectOk(await transaction.commit());
        expectOk(await subject.http.get(at(subject, 'unread')));
      },
    },
    {
      name: 'a commit answers 200 with COMPLETED, and all of it is there',
      evidence: 'recorded, 17.5.0',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('whole1');
        await transaction.create('whole2');
        expectEqual('state', expectOk(await transaction.commit())['state'], 'COMPLETED');
        for (const name of ['whole1', 'whole2']) expectOk(await subject.http.get(at(subject, name)));
      },
    },
    {
      name: 'a commit that fails answers 400, apiError 2, "transaction failed:" and the text, and none of it is there',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition } = subject;
        const transaction = await Transaction.open(subject);
        await transaction.create('none1');
        await transaction.create('none2');
        await transaction.create('none1');
        expectRefusal(await transaction.commit(), {
          status: 400,
          apiError: 2,
          message: `transaction failed:01020066:3: The requested value list (/${partition}/none1) already exists in partition ${partition}.`,
        });
        for (const name of ['none1', 'none2']) expectStatus(await subject.http.get(at(subject, name)), 404);
        await transaction.drop();
      },
    },
    {
      name: 'commands run in the order in which they were queued',
      evidence: 'F5 iControl REST user guide',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('ordered');
        await transaction.edit('ordered', 'add { one { data 1 } two { data 2 } }');
        await transaction.edit('ordered', 'delete { one }');
        expectEqual('state', expectOk(await transaction.commit())['state'], 'COMPLETED');
        const { records } = expectOk(await subject.http.get(at(subject, 'ordered')));
        expectEqual('records', records, [{ name: 'two', data: '2' }]);
      },
    },
    {
      name: 'the second of two writers that replace the same object fails as a whole: the fence',
      evidence: 'follows from the above; not on record as such',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        const body = { name: 'epoch-1', partition, type: 'string' };
        expectOk(await http.post(collection(kind), body));
        const writers = [await Transaction.open(subject), await Transaction.open(subject)];
        for (const [index, writer] of writers.entries()) {
          expectOk(await writer.send('DELETE', at(subject, 'epoch-1')));
          await writer.create('epoch-2', { description: `writer ${index}` });
          await writer.create(`by-writer-${index}`);
        }
        const [first, second] = writers;
        expectEqual('state', expectOk((await first?.commit()) ?? missing)['state'], 'COMPLETED');
        expectRefusal((await second?.commit()) ?? missing, {
          status: 400,
          apiError: 2,
          message: /^transaction failed:(01020036|01020066):3: /,
        });
        const epoch = expectOk(await http.get(at(subject, 'epoch-2')));
        expectEqual('description', epoch['description'], 'writer 0');
        expectStatus(await http.get(at(subject, 'by-writer-1')), 404);
        await second?.drop();
      },
    },
    {
      name: 'a transaction without commands is not committed: 404, apiError 1',
      evidence: 'a functional test of F5’s Python SDK',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        expectRefusal(await transaction.commit(), {
          status: 404,
          apiError: 1,
          message: 'there is no command to commit in the transaction.',
        });
        await transaction.drop();
      },
    },
    {
      name: 'a transaction that is not there is refused with 404',
      evidence: 'reported',
      needs: 'write',
      async run({ http }) {
        expectStatus(await http.patch('/mgmt/tm/transaction/1', { state: 'VALIDATING' }), 404);
      },
    },
    {
      name: 'a commit that carries the id as a header is refused with 400',
      evidence: 'reported',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('never');
        const path = `/mgmt/tm/transaction/${transaction.id}`;
        const answer = await transaction.send('PATCH', path, { state: 'VALIDATING' });
        expectStatus(answer, 400);
        expectMatch('message', answer.json['message'], /not allowed to be added to transaction/);
        expectStatus(await subject.http.get(at(subject, 'never')), 404);
        await transaction.drop();
      },
    },
    {
      name: 'a dropped transaction leaves nothing',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('dropped');
        expectOk(await transaction.drop());
        expectStatus(await transaction.commit(), 404);
        expectStatus(await subject.http.get(at(subject, 'dropped')), 404);
      },
    },
    {
      name: 'validateOnly checks everything and changes nothing',
      evidence: 'a functional test of F5’s Python SDK',
      needs: 'write',
      async run(subject) {
        const transaction = await Transaction.open(subject);
        await transaction.create('tried');
        expectEqual(
          'state',
          expectOk(await transaction.commit({ validateOnly: true }))['state'],
          'COMPLETED',
        );
        expectStatus(await subject.http.get(at(subject, 'tried')), 404);
        await transaction.drop();
        const wrong = await Transaction.open(subject);
        await wrong.create('tried');
        await wrong.create('tried');
        expectStatus(await wrong.commit({ validateOnly: true }), 400);
        await wrong.drop();
      },
    },
    {
      name: 'a pair, the profile that is pointed to it, and the removal of the old pair fit into one transaction',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const { http, partition, material } = subject;
        await installPair(subject, 'former', material.rsa);
        await createProfile(subject, 'rotated', 'former');
        const transaction = await Transaction.open(subject);
        for (const [file, name, content] of [
          ['ssl-key', 'latter.key', material.otherRsa.keyPem.reveal()],
          ['ssl-cert', 'latter.crt', material.otherRsa.certificatePem],
        ] as const) {
          const sourcePath = await subject.upload(name, content);
          const body = { name, partition, sourcePath };
          expectOk(await transaction.send('POST', collection(`sys/file/${file}`), body));
        }
        const profile = item('ltm/profile/client-ssl', partition, 'rotated');
        const certKeyChain = [chainOf(subject, 'latter')];
        expectOk(await transaction.send('PATCH', profile, { certKeyChain }));
        expectOk(await transaction.send('DELETE', item('sys/file/ssl-key', partition, 'former.key')));
        expectOk(await transaction.send('DELETE', item('sys/file/ssl-cert', partition, 'former.crt')));
        expectEqual('state', expectOk(await transaction.commit())['state'], 'COMPLETED');
        const [entry] = objectsOf(expectOk(await http.get(profile))['certKeyChain']);
        expectEqual('cert', entry?.['cert'], `/${partition}/latter.crt`);
        expectStatus(await http.get(item('sys/file/ssl-key', partition, 'former.key')), 404);
      },
    },
    {
      name: 'a key and another key’s certificate meet in no transaction: 01070317 at the commit, not before',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { partition, material } = subject;
        await installPair(subject, 'whole', material.rsa);
        await createProfile(subject, 'halved', 'whole');
        await install(subject, 'ssl-key', 'other.key', material.otherRsa.keyPem.reveal());
        const transaction = await Transaction.open(subject);
        const certKeyChain = [{ ...chainOf(subject, 'whole'), key: `/${partition}/other.key` }];
        const profile = item('ltm/profile/client-ssl', partition, 'halved');
        expectOk(await transaction.send('PATCH', profile, { certKeyChain }));
        expectRefusal(await transaction.commit(), {
          status: 400,
          apiError: 2,
          message: /^transaction failed:01070317:3: /,
        });
        await transaction.drop();
      },
    },
  ],
};

const missing: Answer = { status: 0, headers: {}, text: '', json: {} };

function at({ partition }: Subject, name: string): string {
  return item(kind, partition, name);
}
