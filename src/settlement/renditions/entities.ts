/** The languages in which a statement can be read, as BCP 47 names them. */
export const LANGUAGES = ["en", "ko"] as const;

/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** The kinds of file in which a statement can be read. */
export const FORMATS = ["csv", "xlsx", "pdf"] as const;

/** One of them, which is also the ending of the file's name. */
export type Format = (typeof FORMATS)[number];

/** In what and how a statement is to be read. */
export interface Reading {
  readonly format: Format;
  readonly language: Language;
}

/** A statement as a file. */
export interface Rendition {
  readonly bytes: Uint8Array;
  readonly fileName: string;
  /** Its media type. */
  readonly type: string;
}
