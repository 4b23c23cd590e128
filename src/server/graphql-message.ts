const VARIABLE_FAULT = /^Variable "\$(\w+)" got invalid value /;
/** What GraphQL says about a value without repeating it; anything else it says about one stays with us. */
const SAFE_COMPLAINT =
  /; (Expected non-nullable type "[^"]*" not to be null\.|Field "[^"]*" of required type "[^"]*" was not provided\.)$/;
const DOCUMENT_ECHOES: readonly (readonly [RegExp, string])[] = [
  [/, found .*$/s, "."],
  [/( cannot represent [^:]*): .*$/s, "$1."],
  [/\b(String|BlockString|Int|Float|Comment) ".*$/s, "$1."],
];

const SUGGESTION = / Did you mean [^?]*\?/;
/** A name is as long as whoever sent it likes. */
const MESSAGE_LENGTH_MAX = 300;

/** A message without the names of the schema that a wrong one resembles. */
export function withoutSuggestion(message: string): string {
  return message.replace(SUGGESTION, "");
}

/** A message of GraphQL's own about a request, with every value that it repeats taken out, and cut where it is long. */
export function messageWithoutInput(message: string): string {
  const name = VARIABLE_FAULT.exec(message)?.[1];
  if (name === undefined) {
    const short = message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX)} …` : message;
    return DOCUMENT_ECHOES.reduce((text, [echo, instead]) => text.replace(echo, instead), short);
  }
  const path = placeIn(message, name);
  const place = path === undefined ? "" : ` at "${path}"`;
  const complaint = SAFE_COMPLAINT.exec(message)?.[1] ?? "It does not fit its type.";
  return `Variable "$${name}" is not valid${place}. ${complaint}`;
}

/**
 * Where in a variable GraphQL found something wrong, as a JSON pointer (RFC 6901) into it; undefined when it does not
 * say.
 */
export function pathInVariables(message: string): string | undefined {
  const name = VARIABLE_FAULT.exec(message)?.[1];
  const place = name === undefined ? undefined : placeIn(message, name);
  const members = place?.split(/[.[\]]+/).filter((member) => member !== "");
  return members === undefined || members.length < 2 ? undefined : `/${members.slice(1).join("/")}`;
}

function placeIn(message: string, name: string): string | undefined {
  return new RegExp(` at "(${name}[\\w.[\\]]*)"; `).exec(message)?.[1];
}
