/**
 * config: UCI text to a checked `Config`, and every problem in it. Pure: reads no file (the reader is passed in), keeps
 * no state, shows no secret.
 *
 * The way of a configuration: `uci.ts` parses the text to sections with lines, as libuci does; `section.ts` converts the
 * values and checks each section by the option table (`options.ts`, compiled by ajv to `generated/validate.js`: `make
 * gen`); `load.ts` checks what a table cannot say (addresses, proposals, references between sections) and builds the
 * typed config. A section with an error is left out and named in `broken`; the rest runs. An unknown option or section
 * type is a warning. A disabled section may be incomplete and is then left out without a word. After a reload
 * `keepLastGood` puts the last good form of broken sections in their place, and `configDifference` says what changed and
 * whether a session must be made anew (the table's `reload` column).
 */
export * from './types.ts';
export { loadConfig, unreadableConfig, WHOLE_FILE } from './load.ts';
export type { ReadFile } from './files.ts';
export { parsePem, type PemBlock } from './pem.ts';
export { configDifference, keepLastGood, type Change, type ConfigDifference, type ConnectionChange } from './reload.ts';
export { formatProblem } from './problems.ts';
export { SECTIONS, type OptionDef, type OptionTable, type Reload, type SectionType } from './options.ts';
export { MAX_UCI_TEXT, parseUci, sectionLabel, type UciDocument, type UciOption, type UciProblem, type UciSection, type UciValue } from './uci.ts';
export { parseProposal } from './proposals.ts';
export { LEAST_PSK, parseDuration, parseIdentity } from './values.ts';
