import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/kube/object.js';
import { describeProblem } from '../../src/mesh/validation/problem.js';
import { isFields } from '../../src/mesh/validation/structural-schema.js';
import { IstioValidator } from '../../src/mesh/validation/validate.js';

/** A class of kubernetes-models: one kind in one version of its group. */
interface ModelClass {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly prototype: { validate(this: object): void };
}

/** Where a kind's schema comes from that is not Kubernetes' own; Istio's are in src/mesh/validation. */
const packageOfGroup: Readonly<Record<string, string>> = {
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

const istio = new IstioValidator();

/** The objects of manifests, as Kubernetes and Helm read them: YAML 1.1, where a bare `on` or `no` is no string. */
export function objectsOf(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml, { version: '1.1' }).flatMap((document) => {
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    const object = document.toJS() as KubeObject | null;
    return object === null ? [] : [object];
  });
}

/**
 * What is wrong with an object by the schema that is published for its kind, one line each; none: it is valid.
 *
 * Strict, as `kubectl apply --validate=strict` is: a field that the schema does not know is a fault. Kubernetes' schemas
 * are those of kubernetes-models (1.33). That package has versions too that no cluster serves any more; only stable ones
 * count here.
 */
export async function schemaProblems(object: unknown): Promise<string[]> {
  const { apiVersion, kind, metadata } = isFields(object) ? object : {};
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return ['it has no apiVersion and kind'];
  if (istio.knows({ apiVersion, kind })) {
    const errors = istio.validate(object).filter(({ level }) => level === 'error');
    // A definition of a custom kind says nothing of metadata, which is the same for every kind.
    const ofMetadata = await schemaProblems({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
    return [...errors.map(describeProblem), ...ofMetadata];
  }
  const model = await modelOf(apiVersion, kind);
  if (model === undefined) return [`no schema is published for ${kind} in ${apiVersion}`];
  const { watched, unread } = watchReads(object as object);
  return [...violations(model, watched), ...unread().map((path) => `${path} unknown field`)];
}

async function modelOf(apiVersion: string, kind: string): Promise<ModelClass | undefined> {
  if (!/^([a-z0-9.]+\/)?v\d+$/.test(apiVersion) || !/^[A-Za-z]+$/.test(kind)) return undefined;
  const [group = ''] = apiVersion.split('/');
  const name = packageOfGroup[group] ?? 'kubernetes-models';
  try {
    const models = (await import(`${name}/${apiVersion}/${kind}`)) as Readonly<Record<string, ModelClass>>;
    const model = models[kind];
    // Parts of objects, such as Container, have classes as well.
    return model?.apiVersion === apiVersion && model.kind === kind ? model : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
    throw error;
  }
}

function violations(model: ModelClass, object: object): string[] {
  try {
    // Not on an instance: its constructor copies every field, those that nobody knows too.
    model.prototype.validate.call(object);
    return [];
  } catch (error) {
    const { errors } = error as {
      errors?: ReadonlyArray<{ instancePath: string; message?: string; params: object }>;
    };
    if (errors === undefined) throw error;
    return errors.map(({ instancePath, message = '' }) => `${instancePath} ${message}`);
  }
}

/**
 * The validators are compiled from open schemas and let a field pass that they do not know; what they know, they read,
 * every field of it, whatever else is wrong. So a field that was not read is an unknown one.
 */
function watchReads(object: object): { readonly watched: object; readonly unread: () => string[] } {
  const read = new Set<string>();
  const watch = (value: unknown, path: string): unknown =>
    typeof value !== 'object' || value === null
      ? value
      : new Proxy(value, {
          get(target, key, receiver) {
            const field: unknown = Reflect.get(target, key, receiver);
            if (typeof key === 'symbol' || !Object.hasOwn(target, key)) return field;
            read.add(below(path, key));
            return watch(field, below(path, key));
          },
        });
  const unreadIn = (value: unknown, path: string): string[] =>
    typeof value !== 'object' || value === null
      ? []
      : Object.entries(value).flatMap(([key, field]) =>
          read.has(below(path, key)) ? unreadIn(field, below(path, key)) : [below(path, key)],
        );
  return { watched: watch(object, '') as object, unread: () => unreadIn(object, '') };
}

/** As a JSON pointer (RFC 6901) names it, like the validators' own paths. */
function below(path: string, key: string): string {
  return `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
