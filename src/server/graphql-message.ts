/** What GraphQL says about a value without repeating it; anything else it says about one stays with us. */
const SAFE_COMPLAINTS = [
  /^Expected non-nullable type "[^"]*" not to be null\.$/,
  /^Expected type "[^"]*" to be an object\.$/,
  /^Field "[^"]*" of required type "[^"]*" was not provided\.$/,
];
const VARIABLE_FAULT = /^Variable "(\$\w+)" got invalid value [^]*?(?: at "([\w.[\]]+)")?; ([^;]*)$/;
const DOCUMENT_ECHOES: readonly (readonly [RegExp, string])[] = [
  [/, found [^]*$/, "."],
  [/( cannot represent [^:]*): [^]*$/, "$1."],
  [/\b(String|BlockString|Int|Float|Comment) "[^]*$/, "$1."],
];

/** A message of GraphQL's own about a request, with every value that it repeats taken out. */
export function messageWithoutInput(message: string): string {
  const variable = VARIABLE_FAULT.exec(message);
  if (variable !== null) {
    const [, name, path, complaint = ""] = variable;
    const reason = SAFE_COMPLAINTS.some((safe) => safe.test(complaint)) ? complaint : "It does not fit its type.";
    return `Variable "${name}" is not valid${path === undefined ? "" : ` at "${path}"`}. ${reason}`;
  }
  return DOCUMENT_ECHOES.reduce((text, [echo, instead]) => text.replace(echo, instead), message);
}
