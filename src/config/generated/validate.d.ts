/** Types of the code that `make gen` makes from the option table. */

export interface ValidationError {
  /** `/OPTION` or `/OPTION/INDEX`; empty for the section itself. */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: { readonly [name: string]: unknown };
}

/** Fills in defaults and says whether the options fit the table; `errors` holds all that do not, until the next call. */
export interface Validate {
  (data: object): boolean;
  errors?: readonly ValidationError[] | null;
}

export const mobiked: Validate;
export const uplink: Validate;
export const connection: Validate;
export const child: Validate;
export const mqtt: Validate;
