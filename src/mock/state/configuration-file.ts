import { Secret } from '../../secret.js';
import { parseCertificates } from '../certificate/certificate-facts.js';
import type { FileContent } from '../certificate/file-content.js';
import { parseKey } from '../certificate/key-facts.js';
import { Configuration } from '../config/configuration.js';
import type { ConfigObject } from '../config/configuration.js';
import type { ObjectName } from '../config/object-name.js';
import type { Json } from '../json.js';
import { readRecords } from '../resources/data-group.js';

/** The form of the file; another number is another form. */
const formatVersion = 1;

interface StoredObject {
  readonly kind: string;
  readonly name: ObjectName;
  readonly parent?: string;
  readonly generation: number;
  readonly own: Readonly<Record<string, Json>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** The stored file's text; what it says is read anew. */
  readonly file?: { readonly type: FileContent['type']; readonly text: string };
}

interface StoredConfiguration {
  readonly formatVersion: number;
  readonly generation: number;
  readonly objects: readonly StoredObject[];
}

export function renderConfiguration(configuration: Configuration): string {
  const objects = configuration
    .kinds()
    .flatMap((kind) => configuration.all(kind))
    .map(storeObject);
  const stored: StoredConfiguration = { formatVersion, generation: configuration.generation, objects };
  return JSON.stringify(stored, undefined, 1);
}

/** @returns undefined when the text is not such a file. */
export function parseConfiguration(text: string): Configuration | undefined {
  let stored: StoredConfiguration;
  try {
    stored = JSON.parse(text) as StoredConfiguration;
  } catch {
    return undefined;
  }
  if (stored.formatVersion !== formatVersion || !Array.isArray(stored.objects)) return undefined;
  let configuration = Configuration.empty(stored.generation);
  for (const object of stored.objects) {
    const loaded = loadObject(object);
    if (loaded === undefined) return undefined;
    configuration = configuration.with(loaded);
  }
  return configuration;
}

function storeObject(object: ConfigObject): StoredObject {
  const { content, secrets, ...rest } = object;
  const revealed = Object.entries(secrets).map(([path, secret]) => [path, secret.reveal()] as const);
  return {
    ...rest,
    ...(revealed.length === 0 ? {} : { secrets: Object.fromEntries(revealed) }),
    ...(content === undefined ? {} : { file: { type: content.type, text: textOfContent(content) } }),
  };
}

function textOfContent(content: FileContent): string {
  if (content.type === 'key') return content.pem.reveal();
  return content.type === 'records' ? content.text : content.pem;
}

function loadObject({ secrets = {}, file, ...rest }: StoredObject): ConfigObject | undefined {
  const hidden = Object.fromEntries(
    Object.entries(secrets).map(([path, value]) => [path, new Secret(value)]),
  );
  const object: ConfigObject = { ...rest, secrets: hidden };
  if (file === undefined) return object;
  const content = readContent(object, file.type, file.text);
  return content === undefined ? undefined : { ...object, content };
}

function readContent(object: ConfigObject, type: FileContent['type'], text: string): FileContent | undefined {
  if (type === 'crl') return { type, pem: text };
  if (type === 'records') return { type, text, records: readRecords(text, object) };
  if (type === 'certificate') {
    const certificates = parseCertificates(text);
    return certificates === undefined ? undefined : { type, pem: text, certificates };
  }
  const pem = new Secret(text);
  const key = parseKey(pem, object.secrets['passphrase']);
  return key === undefined ? undefined : { type, pem, key };
}
