import { FCM_ERROR_CODES } from '../fcm/verdict.ts';
import { cleanWords } from '../fcm/words.ts';
import type { Notice } from '../model/notice.ts';
import { isObject } from '../parse.ts';
import {
  KNOWN_REQUEST,
  KNOWN_RESPONSE,
  type KnownField,
  type KnownFields,
  SEND_METHOD,
} from './known-api.ts';

type Json = Readonly<Record<string, unknown>>;
type News = Omit<Notice, 'source' | 'dueOn'>;

const UPGRADE = 'upgrade Baton to a release that is built for it';

/** The most fields that are new and required that one notice each is made of. */
const MAX_NEW_FIELDS = 20;

/**
 * Compares FCM's discovery document with what Baton is built for: what is deprecated, gone, or newly required. Throws if it is
 * no discovery document. https://developers.google.com/discovery/v1/reference/apis
 */
export function compareApi(document: unknown, source: string): Notice[] {
  const [schemas, resources] = [objectAt(document, 'schemas'), objectAt(document, 'resources')];
  if (schemas === null || resources === null) throw new Error('the answer is no discovery document');
  return [...compareMethod(resources, schemas), ...compareErrorCodes(schemas)].map((news) => ({
    ...news,
    dueOn: null,
    source,
  }));
}

function compareMethod(resources: Json, schemas: Json): News[] {
  const { name, httpMethod, path } = SEND_METHOD;
  const { method, isDeprecated } = findMethod(resources, name.split('.'));
  if (method === null) return [gone(name, 'every push', UPGRADE)];
  const found = method['flatPath'] ?? method['path'];
  const pattern = typeof found === 'string' ? found.replaceAll(/\{[^}]*\}/g, '{}') : '';
  const hasMoved =
    method['httpMethod'] !== httpMethod || (pattern !== path && pattern !== 'v1/{}/messages:send');
  const request = schemaOf(method['request'], schemas);
  const response = schemaOf(method['response'], schemas);
  return [
    ...(isDeprecated ? [deprecated(name, 'every push', method['description'], UPGRADE)] : []),
    ...(hasMoved ? [moved(name)] : []),
    ...(request === null
      ? [gone('message', 'every push', UPGRADE)]
      : compareFields(request, KNOWN_REQUEST, schemas, '')),
    ...compareResponse(response, schemas),
  ];
}

function compareResponse(schema: Json | null, schemas: Json): News[] {
  const properties = objectAt(schema, 'properties') ?? {};
  return Object.entries(KNOWN_RESPONSE).flatMap(([name, field]) =>
    compareField(`response.${name}`, field, properties[toCamelCase(name)], schemas),
  );
}

/** The last name is a method, and those before it are resources; any of them may be deprecated. */
function findMethod(
  resources: Json,
  names: readonly string[],
): { method: Json | null; isDeprecated: boolean } {
  let [level, isDeprecated]: [Json | null, boolean] = [resources, false];
  for (const [nth, name] of names.entries()) {
    const found = objectAt(level, name);
    if (found === null) return { method: null, isDeprecated };
    isDeprecated ||= found['deprecated'] === true;
    if (nth === names.length - 1) return { method: found, isDeprecated };
    level = objectAt(found, nth === names.length - 2 ? 'methods' : 'resources');
  }
  return { method: null, isDeprecated };
}

function compareFields(schema: Json, known: KnownFields, schemas: Json, prefix: string): News[] {
  const properties = objectAt(schema, 'properties') ?? {};
  const byName = new Map(Object.entries(properties));
  const news: News[] = [];
  for (const [name, field] of Object.entries(known)) {
    const property = byName.get(toCamelCase(name));
    byName.delete(toCamelCase(name));
    news.push(...compareField(`${prefix}${name}`, field, property, schemas));
  }
  const added = [...byName].filter(([, property]) => isRequired(property)).slice(0, MAX_NEW_FIELDS);
  return [
    ...news,
    ...added.map(([name]) => required(`${prefix}${asName(name)}`, 'no option of Baton sets it')),
  ];
}

function compareField(path: string, field: KnownField, property: unknown, schemas: Json): News[] {
  const { use, remedy = remedyFor(use), fields = {} } = field;
  if (!isObject(property)) return [gone(path, use, remedy)];
  const inner = schemaOf(property, schemas);
  const isDeprecated = property['deprecated'] === true || inner?.['deprecated'] === true;
  return [
    ...(isDeprecated && !field.isDeprecated ? [deprecated(path, use, property['description'], remedy)] : []),
    ...(isRequired(property) && !field.isRequired ? [required(path, `it is for ${use}`)] : []),
    ...(field.values ?? []).flatMap((value) => compareValue(path, use, value, property)),
    ...(Object.keys(fields).length === 0 ? [] : compareInner(path, field, inner, schemas)),
  ];
}

function compareInner(path: string, field: KnownField, inner: Json | null, schemas: Json): News[] {
  const { use, remedy = remedyFor(use), fields = {} } = field;
  return inner === null ? [gone(path, use, remedy)] : compareFields(inner, fields, schemas, `${path}.`);
}

function compareValue(path: string, use: string, value: string, property: Json): News[] {
  const values = property['enum'];
  // Without a list, FCM takes any text.
  if (!Array.isArray(values)) return [];
  const nth = values.indexOf(value);
  const name = `${path}.${value}`;
  if (nth === -1) return [gone(name, use, remedyFor(use))];
  const marks = property['enumDeprecated'];
  return Array.isArray(marks) && marks[nth] === true ? [deprecated(name, use, null, remedyFor(use))] : [];
}

/** FCM's document need not list its error codes; where it does, each one needs a verdict. */
function compareErrorCodes(schemas: Json): News[] {
  const property = objectAt(objectAt(objectAt(schemas, 'FcmError'), 'properties'), 'errorCode');
  const codes = property?.['enum'];
  if (!Array.isArray(codes)) return [];
  const unknown = codes.filter((code) => typeof code === 'string' && !FCM_ERROR_CODES.has(code));
  return unknown.slice(0, MAX_NEW_FIELDS).map((code) => ({
    name: `discovery:error.${asName(String(code))}`,
    level: 'amber',
    says: `FCM has an error code that Baton does not know: ${asName(String(code))}`,
    remedy: `${UPGRADE}; until then such an answer is judged by its HTTP status`,
  }));
}

function gone(path: string, use: string, remedy: string): News {
  return {
    name: `discovery:${path}`,
    level: 'red',
    says: `${path} is gone from FCM's API, and Baton uses it (for ${use})`,
    remedy,
  };
}

function deprecated(path: string, use: string, description: unknown, remedy: string): News {
  const words = cleanWords(description);
  const quote = words === null ? '' : `; FCM says: "${words}"`;
  return {
    name: `discovery:${path}`,
    level: 'amber',
    says: `FCM has deprecated ${path}, and Baton uses it (for ${use})${quote}`,
    remedy,
  };
}

function required(path: string, why: string): News {
  return {
    name: `discovery:${path}`,
    level: 'red',
    says: `FCM now requires ${path}, which Baton does not always send (${why})`,
    remedy: UPGRADE,
  };
}

function moved(name: string): News {
  const { httpMethod, path } = SEND_METHOD;
  return {
    name: `discovery:${name}`,
    level: 'red',
    says: `FCM's method ${name} has another address than ${httpMethod} ${path}, which Baton uses`,
    remedy: UPGRADE,
  };
}

function remedyFor(use: string): string {
  return /^the (?:option|field) /.test(use)
    ? `${UPGRADE}; until then leave out ${use} where you can`
    : UPGRADE;
}

/** A property may say so itself, or by the methods that need it. */
function isRequired(property: unknown): boolean {
  const methods = objectAt(property, 'annotations')?.['required'];
  if (isObject(property) && property['required'] === true) return true;
  return Array.isArray(methods) && methods.includes(`fcm.${SEND_METHOD.name}`);
}

function schemaOf(holder: unknown, schemas: Json): Json | null {
  const name = isObject(holder) ? holder['$ref'] : undefined;
  return typeof name === 'string' ? objectAt(schemas, name) : null;
}

function objectAt(value: unknown, name: string): Json | null {
  const inner = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return isObject(inner) ? inner : null;
}

/** A name from outside: short, and of letters that a notice's name may have. */
function asName(name: string): string {
  return name.replaceAll(/[^\w-]/g, '_').slice(0, 60);
}

function toCamelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
