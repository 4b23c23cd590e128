const VARIABLE_FAULT = /^Variable "\$(\w+)" got invalid value /;
/** What GraphQL says about a value without repeating it; anything else it says about one stays with us. */
const SAFE_COMPLAINT =
  /; (Expected non-nullable type "[^"]*" not to be null\.|Field "[^"]*" of required type "[^"]*" was not provided\.)$/;
const DOCUMENT_ECHOES: readonly (readonly [RegExp, string])[] = [
  [/, found .*$/s, "."],
  [/( cannot represent [^:]*): .*$/s, "$1."],
  [/\b(String|BlockString|Int|Float|Comment) ".*$/s, "$1."],
];

/** A message of GraphQL's own about a request, with every value that it repeats taken out. */
export function messageWithoutInput(message: string): string {
  const name = VARIABLE_FAULT.exec(message)?.[1];
  if (name === undefined)
    return DOCUMENT_ECHOES.reduce((text, [echo, instead]) => text.replace(echo, instead), message);
  const path = new RegExp(` at "(${name}[\\w.[\\]]*)"; `).exec(message)?.[1];
  const place = path === undefined ? "" : ` at "${path}"`;
  const complaint = SAFE_COMPLAINT.exec(message)?.[1] ?? "It does not fit its type.";
  return `Variable "$${name}" is not valid${place}. ${complaint}`;
}
