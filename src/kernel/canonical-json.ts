const DEPTH_MAX = 64;
const LONE_SURROGATE = /\p{Surrogate}/u;
const NEEDS_NO_ESCAPE = /^[ !#-[\]-~]*$/;

/**
 * The canonical text of a JSON value (RFC 8785, JCS): members ordered by UTF-16 code units, numbers and strings as
 * ECMAScript writes them, no white space. What JSON cannot say (undefined, NaN, an infinity, a bigint, a lone
 * surrogate, an object that is not plain, more than 64 levels) throws a `TypeError` that names the place.
 */
export function canonicalJson(value: unknown): string {
  return writeValue(value, []);
}

type Path = (string | number)[];

function writeValue(value: unknown, path: Path): string {
  switch (typeof value) {
    case "string":
      return writeString(value, path);
    case "number":
      // ECMAScript's own shortest form is the one that RFC 8785 section 3.2.2.3 prescribes; it writes -0 as 0.
      return Number.isFinite(value) ? JSON.stringify(value) : refuse(String(value), path);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (path.length >= DEPTH_MAX) return refuse(`more than ${DEPTH_MAX} levels`, path);
      return Array.isArray(value) ? writeArray(value, path) : writeObject(value, path);
    default:
      return refuse(typeof value, path);
  }
}

function writeString(text: string, path: Path): string {
  if (NEEDS_NO_ESCAPE.test(text)) return `"${text}"`;
  return LONE_SURROGATE.test(text) ? refuse("a lone surrogate", path) : JSON.stringify(text);
}

function writeArray(items: readonly unknown[], path: Path): string {
  let text = "[";
  for (let index = 0; index < items.length; index++) {
    path.push(index);
    text += (index === 0 ? "" : ",") + writeValue(items[index], path);
    path.pop();
  }
  return `${text}]`;
}

function writeObject(value: object, path: Path): string {
  if (!isPlain(value)) return refuse("an object that is not plain", path);
  let text = "{";
  // Without a comparator, sort() orders by UTF-16 code units: what RFC 8785 section 3.2.3 asks for.
  for (const name of Object.keys(value).sort()) {
    path.push(name);
    text += `${text === "{" ? "" : ","}${writeString(name, path)}:${writeValue(value[name], path)}`;
    path.pop();
  }
  return `${text}}`;
}

// Told by the prototype's own prototype, so that an object of another realm (a worker, a test) counts as plain too.
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function refuse(what: string, path: Path): never {
  throw new TypeError(`canonical JSON cannot hold ${what} (at "${path.map((part) => `/${part}`).join("")}")`);
}
