import { didYouMean, oneOf, quote } from './problems.ts';
import * as validators from './generated/validate.js';
import type { ValidationError } from './generated/validate.js';
import { SECTIONS, type OptionDef, type OptionTable, type SectionType, type Values } from './options.ts';
import type { ConfigProblem } from './types.ts';
import { sectionLabel, type UciOption, type UciSection } from './uci.ts';
import { hasControl, parseDuration, parseFlag, parseNumber, parseOctets } from './values.ts';

/** Problems kept of one file; what comes beyond tells nobody anything. */
const MAX_PROBLEMS = 1000;

/** Problems of one file, in the order found. */
export class Report {
  readonly problems: ConfigProblem[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  add(severity: 'error' | 'warning', section: UciSection | undefined, line: number, option: string | undefined, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ severity, file: this.#file, line, section: section && sectionLabel(section), option, message });
  }
}

/** One section with its options converted and checked against the table; the builders add what a table cannot say. */
export class Checked<T extends OptionTable> {
  readonly section: UciSection;
  /** Options that failed are back at their default. */
  readonly values: Values<T>;
  readonly #report: Report;
  #bad: boolean;

  constructor(section: UciSection, values: Values<T>, bad: boolean, report: Report) {
    this.section = section;
    this.values = values;
    this.#bad = bad;
    this.#report = report;
  }

  /** True once something is wrong with the section: it is left out. */
  get bad(): boolean {
    return this.#bad;
  }

  /** True for `option enabled '0'`, so that an example can be incomplete. */
  get disabled(): boolean {
    return this.values['enabled'] === false;
  }

  /** Whether something missing is a problem: not in a disabled section, and not where a line could not be understood. */
  get complete(): boolean {
    return !this.disabled && !this.section.damaged;
  }

  /** @param index which value of a list, to name its line. */
  error(option: (keyof T & string) | undefined, message: string, index = 0): void {
    this.#bad = true;
    this.#report.add('error', this.section, this.#line(option, index), option, message);
  }

  warn(option: (keyof T & string) | undefined, message: string, index = 0): void {
    this.#report.add('warning', this.section, this.#line(option, index), option, message);
  }

  #line(option: string | undefined, index: number): number {
    const found = option === undefined ? undefined : this.section.options.get(option);
    return found?.values[index]?.line ?? found?.line ?? this.section.line;
  }

  /** Parses each value of a list; reports those that are wrong. */
  each<V>(option: keyof T & string, texts: readonly string[] | undefined, parse: (text: string) => { readonly ok: true; readonly value: V } | { readonly ok: false; readonly error: string }): V[] {
    const out: V[] = [];
    (texts ?? []).forEach((text, index) => {
      const result = parse(text);
      if (result.ok) out.push(result.value);
      else this.error(option, result.error, index);
    });
    return out;
  }
}

/** The UCI text as the type the schema wants; text that does not fit stays text, so that the schema rejects it. */
function convert(row: OptionDef, option: UciOption): unknown {
  if (row.schema.type === 'array') return option.values.map((value) => value.text);
  if (option.values.length !== 1) return option.values.map((value) => value.text);
  const text = option.values[0]?.text ?? '';
  switch (row.schema.type) {
    case 'boolean':
      return parseFlag(text) ?? text;
    case 'integer':
      return (row.unit === 's' ? parseDuration(text) : row.unit === 'B' ? parseOctets(text) : parseNumber(text)) ?? text;
    default:
      return text;
  }
}

/** What is wrong with one option and what would be right, from ajv's finding. */
function explain(row: OptionDef, option: UciOption | undefined, error: ValidationError): string {
  const { schema } = row;
  const text = option?.values[0]?.text ?? '';
  const given = row.secret ? 'the value' : quote(text);
  const param = (name: string): string => String(error.params[name]);
  switch (error.keyword) {
    case 'required':
      return `is missing${row.example === undefined ? '' : `; give for example '${row.example}'`}`;
    case 'type':
      if (schema.type !== 'array' && option !== undefined && option.values.length > 1) return "takes one value; use 'option', not 'list'";
      if (schema.type === 'boolean') return `${given} is neither yes nor no; give 1 or 0`;
      if (schema.type === 'integer' && row.unit === 's') return `${given} is no time; give seconds from ${schema.minimum} to ${schema.maximum}, or a number with s, m, h or d behind it`;
      if (schema.type === 'integer' && row.unit === 'B') return `${given} is no size; give octets from ${schema.minimum} to ${schema.maximum}, or a number with K, M, G or T behind it`;
      if (schema.type === 'integer') return `${given} is no whole number; give one from ${schema.minimum} to ${schema.maximum}`;
      return `has the wrong type; a ${param('type')} is needed`;
    case 'enum':
      return `${given} is not possible; give ${'enum' in schema ? oneOf(schema.enum) : 'another value'}`;
    case 'minimum':
    case 'maximum':
      return `${given} is out of range; give ${schema.type === 'integer' ? `${schema.minimum} to ${schema.maximum}` : 'another value'}${row.unit === undefined ? '' : row.unit === 's' ? ' seconds' : ' octets'}`;
    case 'maxLength':
      return `is longer than ${param('limit')} characters`;
    case 'minLength':
      return 'holds an empty value';
    case 'maxItems':
      return `has more than ${param('limit')} values`;
    case 'uniqueItems':
      return `lists ${quote(option?.values[Number(error.params['i'])]?.text ?? '')} twice`;
    default:
      return `does not fit (${error.keyword})`;
  }
}

/** Converts and checks one section by the option table and reports every misfit. */
export function checkSection<K extends SectionType>(type: K, section: UciSection, report: Report): Checked<(typeof SECTIONS)[K]> {
  const table: OptionTable = SECTIONS[type];
  const raw = Object.create(null) as { [option: string]: unknown }; // no prototype: an option may be called `__proto__`
  const failed = new Set<string>();
  let bad = section.damaged;
  const fail = (option: string, message: string, line: number): void => {
    bad = true;
    failed.add(option);
    report.add('error', section, line, option, message);
  };
  for (const option of section.options.values()) {
    const control = option.values.find((value) => hasControl(value.text));
    if (control) fail(option.name, 'holds a line break, tab or other control character; is a quote missing?', control.line);
    else raw[option.name] = Object.hasOwn(table, option.name) ? convert(table[option.name] as OptionDef, option) : '';
  }
  const validate = validators[type];
  validate(raw);
  const disabled = raw['enabled'] === false;
  for (const error of validate.errors ?? []) {
    const missing = error.keyword === 'required' ? String(error.params['missingProperty']) : undefined;
    if (error.keyword === 'additionalProperties') {
      const name = String(error.params['additionalProperty']);
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- ajv's code checks, and reads defaults into, a plain object; this one has no prototype
      delete raw[name];
      report.add('warning', section, section.options.get(name)?.line ?? section.line, name, `is unknown and ignored${didYouMean(name, Object.keys(table))}`);
      continue;
    }
    const [, path = '', index = '0'] = error.instancePath.split('/');
    const name = missing ?? path;
    const row = table[name];
    if (!row || failed.has(name) || (missing !== undefined && (disabled || section.damaged))) continue;
    const option = section.options.get(name);
    const line = option?.values[Number(index)]?.line ?? option?.line ?? section.line;
    fail(name, explain(row, option, error), line);
  }
  if (failed.size > 0) {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- as above
    for (const name of failed) delete raw[name];
    validate(raw); // puts the defaults in their place
  }
  return new Checked(section, raw as Values<(typeof SECTIONS)[K]>, bad, report);
}
