/** The fewest and the most characters of a password (OWASP ASVS 5, 6.2.1 and 6.2.9). */
export const PASSWORD_LENGTH = { min: 12, max: 128 } as const;
const DISTINCT_MIN = 6;
const EMAIL_PART_MIN = 4;
/** What people write when any password will do; with what is around it, such a password is among the first guessed. */
const WORN = [
  "password",
  "passw0rd",
  "quittance",
  "qwerty",
  "letmein",
  "iloveyou",
  "administrator",
  "123456",
  "abcdef",
];

/** What is wrong with a password that somebody wants to have, as a word; null when it will do. */
export function passwordFault(password: string, email: string): "LENGTH" | "GUESSABLE" | null {
  const characters = Array.from(password);
  if (characters.length < PASSWORD_LENGTH.min || characters.length > PASSWORD_LENGTH.max) return "LENGTH";
  const text = password.toLowerCase();
  const [local = ""] = email.split("@");
  const isNamed = local.length >= EMAIL_PART_MIN && text.includes(local);
  const isWorn = WORN.some((word) => text.includes(word));
  return new Set(characters).size < DISTINCT_MIN || isNamed || isWorn ? "GUESSABLE" : null;
}
