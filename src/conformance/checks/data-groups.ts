import type { CheckGroup } from '../check.js';
import {
  expectEqual,
  expectMatch,
  expectMembers,
  expectOk,
  expectRefusal,
  expectThat,
} from '../expectations.js';
import { objectsOf, textOf } from '../json.js';
import type { JsonObject } from '../json.js';
import { collection, item } from '../subject.js';
import type { Subject } from '../subject.js';

const kind = 'ltm/data-group/internal';
const one = { name: 'one', data: '1' };
const two = { name: 'two', data: '2' };

/** Objects in general, shown on data groups, and their records, which allowlists are made of. */
export const dataGroupChecks: CheckGroup = {
  title: 'objects and data groups',
  checks: [
    {
      name: 'a partition answers with its bare name for a full path',
      evidence: 'recorded, 14.1.2.1',
      needs: 'write',
      async run({ partition, partitionAnswer }) {
        const made = partitionAnswer?.json ?? {};
        expectMembers(made, { name: partition, fullPath: partition, partition: undefined });
        expectMatch('description', made['description'], /./);
      },
    },
    {
      name: 'a POST answers 200 with the object as it is now, defaults filled in',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        const { partition, release } = subject;
        const made = await create(subject, 'posted', { records: [{ name: 'one' }] });
        expectMembers(made, {
          kind: 'tm:ltm:data-group:internal:internalstate',
          name: 'posted',
          partition,
          fullPath: `/${partition}/posted`,
          selfLink: `https://localhost${item(kind, partition, 'posted')}?ver=${release.text}`,
          type: 'string',
          records: [{ name: 'one', data: '' }],
          description: undefined,
        });
        expectThat(typeof made['generation'] === 'number', 'a number for generation', made['generation']);
      },
    },
    {
      name: 'a second object of the name is refused with 409 01020066',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await create(subject, 'twice');
        const answer = await http.post(collection(kind), { name: 'twice', partition, type: 'string' });
        expectRefusal(answer, {
          status: 409,
          apiError: 3,
          message: `01020066:3: The requested value list (/${partition}/twice) already exists in partition ${partition}.`,
        });
      },
    },
    {
      name: 'an object in a folder that is not there is refused with 400, apiError 26214401',
      evidence: 'recorded',
      needs: 'write',
      async run({ http }) {
        const body = { name: 'astray', partition: 'mesh_conformance_absent', type: 'string' };
        expectRefusal(await http.post(collection(kind), body), {
          status: 400,
          apiError: 26_214_401,
          message: 'The requested folder (/mesh_conformance_absent) was not found.',
        });
      },
    },
    {
      name: 'a PATCH changes what it names and nothing else',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        await create(subject, 'patched', { records: [one] });
        const description = 'mesh-agent:conformance/a b';
        const patched = expectOk(await subject.http.patch(at(subject, 'patched'), { description }));
        expectMembers(patched, { description, records: [one] });
      },
    },
    {
      name: 'a PUT never creates: 404',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        const answer = await subject.http.put(at(subject, 'put'), { name: 'put', type: 'string' });
        expectRefusal(answer, { status: 404, apiError: 3, message: /^01020036:3: .*value list/ });
      },
    },
    {
      name: 'a DELETE answers 200 with an empty body, and 404 the second time',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        await create(subject, 'deleted');
        const answer = await subject.http.delete(at(subject, 'deleted'));
        expectOk(answer);
        expectEqual('body', answer.text, '');
        const again = await subject.http.delete(at(subject, 'deleted'));
        expectRefusal(again, { status: 404, apiError: 3, message: /^01020036:3: / });
      },
    },
    {
      name: 'a body that is no JSON is refused with 400, apiError 1',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run({ http }) {
        const headers = { 'Content-Type': 'application/json' };
        expectRefusal(await http.post(collection(kind), Buffer.from('{"name":'), { headers }), {
          status: 400,
          apiError: 1,
          message: 'Found invalid JSON body in the request.',
        });
      },
    },
    {
      name: 'a partition that holds something is not removed: 400 0107082a',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        await create(subject, 'held');
        expectRefusal(await http.delete(`${collection('auth/partition')}/${partition}`), {
          status: 400,
          apiError: 3,
          message: /^0107082a:3: You must remove all objects from a partition before removing the partition/,
        });
      },
    },
    {
      name: 'a page of a collection names the next one, within the same collection',
      evidence: 'clients that rely on it',
      needs: 'write',
      async run(subject) {
        const { http, partition } = subject;
        for (const name of ['page1', 'page2', 'page3']) await create(subject, name);
        const path = collection(kind);
        const page = expectOk(await http.get(`${path}?$filter=partition%20eq%20${partition}&$top=2`));
        expectEqual('items', objectsOf(page['items']).length, 2);
        const { pathname, searchParams } = new URL(textOf(page['nextLink']), 'https://localhost');
        expectEqual('path of nextLink', pathname, path);
        expectEqual('$skip of nextLink', searchParams.get('$skip'), '2');
      },
    },
    {
      name: 'a data group without records has no member records',
      evidence: 'recorded, 16.0.0',
      needs: 'write',
      async run(subject) {
        const made = await create(subject, 'empty');
        expectMembers(made, { name: 'empty', records: undefined });
      },
    },
    {
      name: 'a PATCH of records replaces the whole list',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        await create(subject, 'replaced', { records: [one] });
        const patched = expectOk(await subject.http.patch(at(subject, 'replaced'), { records: [two] }));
        expectEqual('records', patched['records'], [two]);
      },
    },
    {
      name: '?options=records add adds a record and leaves the others',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        await create(subject, 'added', { records: [one] });
        const added = expectOk(await edit(subject, 'added', 'add { two { data 2 } }'));
        expectEqual('records', sorted(added['records']), [one, two]);
      },
    },
    {
      name: '?options=records modify and delete change and remove a record, and leave the others',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        await create(subject, 'edited', { records: [one, two] });
        const modified = expectOk(await edit(subject, 'edited', 'modify { one { data 3 } }'));
        expectEqual('records', sorted(modified['records']), [{ name: 'one', data: '3' }, two]);
        const deleted = expectOk(await edit(subject, 'edited', 'delete { one }'));
        expectEqual('records', deleted['records'], [two]);
      },
    },
    {
      name: 'a record that is there already is refused with 409 "class string item"',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        const { partition } = subject;
        await create(subject, 'doubled', { records: [one] });
        expectRefusal(await edit(subject, 'doubled', 'add { one { data 1 } }'), {
          status: 409,
          apiError: 3,
          message: `01020066:3: The requested class string item (/${partition}/doubled one) already exists in partition ${partition}.`,
        });
      },
    },
    {
      name: 'a record that is not there is refused with 404 "class string item"',
      evidence: 'recorded, 17.1.2.1',
      needs: 'write',
      async run(subject) {
        await create(subject, 'lacking', { records: [one] });
        expectRefusal(await edit(subject, 'lacking', 'delete { two }'), {
          status: 404,
          apiError: 3,
          message: `01020036:3: The requested class string item (/${subject.partition}/lacking two) was not found.`,
        });
      },
    },
    {
      name: 'a SPIFFE ID, and a key and value of the ledger, are words of ?options= as they are',
      evidence: 'not on record',
      needs: 'write',
      async run(subject) {
        const records = [
          { name: 'spiffe://cluster.local/ns/trusted/sa/sleep', data: 'allow' },
          { name: 'sys/file/ssl-cert:echo_0123456789ab.crt', data: 'not-after=1+sha256=AB:CD' },
        ];
        await create(subject, 'words');
        const entries = records.map(({ name, data }) => `${name} { data ${data} }`).join(' ');
        const added = expectOk(await edit(subject, 'words', `add { ${entries} }`));
        expectEqual('records', sorted(added['records']), records);
      },
    },
    {
      name: 'a value over 65,520 bytes is refused with 400 01070712',
      evidence: 'recorded',
      needs: 'write',
      async run(subject) {
        await create(subject, 'long');
        const records = [{ name: 'one', data: 'x'.repeat(65_529) }];
        expectRefusal(await subject.http.patch(at(subject, 'long'), { records }), {
          status: 400,
          apiError: 3,
          message:
            /^01070712:3: Max string size exceeded during update of attribute:data type:class_value_item max:65520 received:65529/,
        });
      },
    },
  ],
};

async function create(
  { http, partition }: Subject,
  name: string,
  members: JsonObject = {},
): Promise<JsonObject> {
  return expectOk(await http.post(collection(kind), { name, partition, type: 'string', ...members }));
}

function at({ partition }: Subject, name: string): string {
  return item(kind, partition, name);
}

function edit(subject: Subject, name: string, options: string) {
  const query = encodeURIComponent(`records ${options}`);
  return subject.http.patch(`${at(subject, name)}?options=${query}`, { name });
}

function sorted(records: unknown): readonly JsonObject[] {
  return objectsOf(records).toSorted((a, b) => (textOf(a['name']) < textOf(b['name']) ? -1 : 1));
}
