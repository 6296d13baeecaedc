/**
 * UCI text to sections, options and lists with their lines, by the rules of libuci's file parser: words in 'single'
 * (literal) and "double" quotes (backslash escapes), glued together when they touch; `#` starts a comment outside
 * quotes, even inside a word; `;` ends a command; backslash-newline continues a line; quotes may span lines; an
 * `option` with an empty value is as if it were not there. Where libuci gives up on the whole file, this parser reports
 * the line, marks the section as damaged and goes on.
 *
 * Deviates from libuci in one thing: a quote that runs over a line which begins like a command counts as not closed, so
 * that one missing quote does not swallow the sections behind it.
 */

export interface UciValue {
  readonly text: string;
  /** 1-based line on which the value starts. */
  readonly line: number;
}

export interface UciOption {
  readonly name: string;
  /** Line of the first value. */
  readonly line: number;
  /** True when written as `list`; an `option` has exactly one value. */
  readonly list: boolean;
  readonly values: readonly UciValue[];
}

export interface UciSection {
  readonly type: string;
  /** As written, or libuci's generated `cfgNNhhhh` of an anonymous section. */
  readonly name: string;
  readonly anonymous: boolean;
  /** Position among the sections of its type: the N of `@type[N]`. */
  readonly index: number;
  readonly line: number;
  /** True when a line of it could not be understood: its meaning is then unknown as a whole. */
  readonly damaged: boolean;
  readonly options: ReadonlyMap<string, UciOption>;
}

export interface UciProblem {
  readonly severity: 'error' | 'warning';
  readonly line: number;
  readonly section: UciSection | undefined;
  readonly option: string | undefined;
  /** Never holds a value of the file. */
  readonly message: string;
}

export interface UciDocument {
  readonly sections: readonly UciSection[];
  readonly problems: readonly UciProblem[];
}

/** Longest text that is read, in characters; everything kept is smaller than the text. */
export const MAX_UCI_TEXT = 1_048_576;
/** Problems kept of one file; a file with more is not a UCI file. */
const MAX_PROBLEMS = 500;
/** Sections kept: far above any router, and it bounds what the checks between sections cost. */
const MAX_SECTIONS = 1000;
/** Words of one command that are looked at: keyword, type or name, name or value, and one too many. */
const MAX_WORDS = 4;

type Keyword = 'package' | 'config' | 'option' | 'list';
const KEYWORDS: readonly Keyword[] = ['package', 'config', 'option', 'list'];

interface Word {
  readonly text: string;
  readonly line: number;
  readonly quoted: boolean;
  /** A `#` ended the word: libuci takes the rest of the line as a comment. */
  readonly cut: boolean;
}

interface MutableOption extends UciOption {
  list: boolean;
  readonly values: UciValue[];
}

interface MutableSection extends UciSection {
  damaged: boolean;
  readonly options: Map<string, MutableOption>;
}

/** `connection 'hq'`, or `connection @connection[0]` for an anonymous section. */
export function sectionLabel(section: UciSection): string {
  return section.anonymous ? `${section.type} @${section.type}[${section.index}]` : `${section.type} '${section.name}'`;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
/** C's isspace() without the newline, which ends a command. */
const isBlank = (char: string): boolean => char === ' ' || char === '\t' || char === '\r' || char === '\v' || char === '\f';

/** What libuci accepts as a section or option name: letters, digits and `_`. */
export function isUciName(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code) && !isLetter(code) && code !== 95) return false;
  }
  return text.length > 0;
}

function isUciType(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 33 || text.charCodeAt(i) > 126) return false;
  return text.length > 0;
}

/** Name libuci gives an anonymous section: its ordinal in the file and a hash of its type. */
function anonymousName(ordinal: number, type: string): string {
  let hash = 5381;
  for (let i = 0; i < type.length; i++) hash = (Math.imul(hash, 33) + type.charCodeAt(i)) >>> 0;
  return `cfg${ordinal.toString(16).padStart(2, '0')}${(hash & 0xffff).toString(16).padStart(4, '0')}`;
}

function keywordOf(word: Word): Keyword | undefined {
  if (word.quoted) return undefined;
  return KEYWORDS.find((keyword) => word.text === keyword || word.text === keyword.charAt(0));
}

/** A keyword with a letter missing, added, changed or swapped: `optoin`, `confg`. */
function nearKeyword(text: string): Keyword | undefined {
  return KEYWORDS.find((keyword) => Math.abs(keyword.length - text.length) <= 1 && almost(keyword, text));
}

/** One edit apart: what is left between the shared start and the shared end is one character, or two swapped. */
function almost(a: string, b: string): boolean {
  let start = 0;
  while (start < a.length && a.charAt(start) === b.charAt(start)) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.charAt(a.length - 1 - end) === b.charAt(b.length - 1 - end)) end++;
  const restA = a.slice(start, a.length - end);
  const restB = b.slice(start, b.length - end);
  if (restA.length <= 1 && restB.length <= 1) return true;
  return restA.length === 2 && restB.length === 2 && restA.charAt(0) === restB.charAt(1) && restA.charAt(1) === restB.charAt(0);
}

type WordResult = { readonly kind: 'word'; readonly word: Word } | { readonly kind: 'none' } | { readonly kind: 'unterminated'; readonly line: number; readonly rest: string } | { readonly kind: 'nul' };

/** Cuts the text into words; knows quotes and lines, nothing of sections. */
class Scanner {
  readonly #text: string;
  #at = 0;
  line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Skips what remains of the line, newline included. */
  skipLine(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
    this.line++;
  }

  #jump(at: number, line: number): void {
    this.#at = at;
    this.line = line;
  }

  /** Skips blanks; true when a command ends here (the separator is consumed). */
  endOfCommand(): boolean {
    while (!this.done && isBlank(this.#text.charAt(this.#at))) this.#at++;
    if (this.done) return true;
    const char = this.#text.charAt(this.#at);
    if (char === '\n' || char === '#') this.skipLine();
    else if (char === ';') this.#at++;
    else return false;
    return true;
  }

  /** A line that starts like a command: a quote that runs into it was not closed. */
  #startsCommand(): boolean {
    let at = this.#at;
    while (at < this.#text.length && isBlank(this.#text.charAt(at))) at++;
    return KEYWORDS.some((keyword) => this.#text.startsWith(keyword, at) && isBlank(this.#text.charAt(at + keyword.length)));
  }

  /** Reads up to the closing quote; undefined when there is none. */
  #quoted(quote: string): string | 'nul' | undefined {
    let start = ++this.#at;
    const parts: string[] = [];
    while (!this.done) {
      const char = this.#text.charAt(this.#at);
      if (char === quote) {
        parts.push(this.#text.slice(start, this.#at));
        this.#at++;
        return parts.join('');
      }
      if (char === '\0') return undefined;
      const escaped = char === '\\' && quote === '"';
      if (escaped) {
        parts.push(this.#text.slice(start, this.#at));
        this.#at++;
        if (this.#text.startsWith('\r\n', this.#at)) this.#at++;
        start = this.#text.charAt(this.#at) === '\n' ? this.#at + 1 : this.#at;
        if (this.done) return undefined;
      }
      if (this.#text.charAt(this.#at++) === '\n') {
        this.line++;
        if (this.#startsCommand()) return undefined;
      }
    }
    return undefined;
  }

  /** The next word of the command; call only when `endOfCommand` said false. */
  word(): WordResult {
    const startLine = this.line;
    const parts: string[] = [];
    let start = this.#at;
    let quoted = false;
    let cut = false;
    const flush = (): void => {
      if (this.#at > start) parts.push(this.#text.slice(start, this.#at));
    };
    while (!this.done) {
      const char = this.#text.charAt(this.#at);
      if (char === '\n' || char === ';' || isBlank(char)) break;
      if (char === '#') {
        cut = !quoted;
        break;
      }
      if (char === '\0') return { kind: 'nul' };
      if (char === "'" || char === '"') {
        flush();
        quoted = true;
        const [openAt, openLine] = [this.#at, this.line];
        const text = this.#quoted(char);
        if (text === undefined) {
          const nul = this.#text.charAt(this.#at) === '\0';
          this.#jump(openAt, openLine);
          const end = this.#text.indexOf('\n', openAt);
          return nul ? { kind: 'nul' } : { kind: 'unterminated', line: openLine, rest: this.#text.slice(openAt + 1, end < 0 ? undefined : end).trim() };
        }
        parts.push(text);
        start = this.#at;
        continue;
      }
      if (char === '\\') {
        flush();
        this.#at++;
        if (this.#text.startsWith('\r\n', this.#at)) this.#at++;
        start = this.#at;
        if (this.done) break;
        if (this.#text.charAt(this.#at) === '\n') {
          start = ++this.#at;
          this.line++;
          continue;
        }
      }
      this.#at++;
    }
    flush();
    if (parts.length === 0) return { kind: 'none' };
    return { kind: 'word', word: { text: parts.join(''), line: startLine, quoted, cut } };
  }
}

/** Builds the document from commands; holds what libuci keeps in its parse context. */
class Builder {
  readonly sections: MutableSection[] = [];
  readonly problems: UciProblem[] = [];
  readonly #byName = new Map<string, MutableSection>();
  readonly #counts = new Map<string, number>();
  #current: MutableSection | undefined;
  /** After a command nobody understands, options are dropped until the next `config`: they may belong anywhere. */
  #lost = false;

  report(line: number, message: string, option?: string, severity: 'error' | 'warning' = 'error'): void {
    if (severity === 'error' && this.#current) this.#current.damaged = true;
    if (this.problems.length === MAX_PROBLEMS) this.problems.push({ severity: 'error', line, section: undefined, option: undefined, message: 'too many problems; the rest of the file is not reported' });
    if (this.problems.length > MAX_PROBLEMS) return;
    this.problems.push({ severity, line, section: this.#current, option, message });
  }

  /** Forgets where we are: the next options belong to no section we know. */
  lose(): void {
    this.#current = undefined;
    this.#lost = true;
  }

  command(words: readonly Word[]): void {
    const first = words[0];
    if (!first) return;
    const keyword = keywordOf(first);
    switch (keyword) {
      case 'config':
        this.#config(words, false);
        return;
      case 'option':
      case 'list':
        this.#option(words, keyword === 'list');
        return;
      case 'package':
        return; // libuci ignores it in a file of /etc/config
      default: {
        const near = first.quoted ? undefined : nearKeyword(first.text);
        if (near === 'config') this.#config(words, true);
        else {
          this.report(first.line, near ? `unknown word '${first.text}'; did you mean '${near}'?` : "a line must begin with 'config', 'option' or 'list'");
          if (near === undefined || near === 'package') this.lose();
        }
      }
    }
  }

  #config(words: readonly Word[], misspelt: boolean): void {
    const line = words[0]?.line ?? 1;
    const type = words[1]?.text ?? '';
    const name = words[2]?.text ?? '';
    this.lose();
    if (!isUciType(type)) {
      this.report(line, type === '' ? "'config' needs a section type, such as: config connection 'hq'" : 'a section type may hold only printable ASCII characters');
      return;
    }
    const taken = name === '' ? undefined : this.#byName.get(name);
    if (taken?.type === type && !misspelt) {
      this.#current = taken;
    } else {
      if (this.sections.length >= MAX_SECTIONS) {
        this.report(line, `more than ${MAX_SECTIONS} sections; this one and what follows is not read`);
        return;
      }
      const index = this.#counts.get(type) ?? 0;
      const anonymous = name === '';
      const section: MutableSection = {
        type, anonymous, index, line, damaged: false, options: new Map(), name: anonymous ? anonymousName(this.sections.length + 1, type) : name,
      };
      this.#counts.set(type, index + 1);
      this.sections.push(section);
      this.#current = section;
      if (!anonymous && !taken) this.#byName.set(name, section);
    }
    this.#lost = false;
    if (misspelt) this.report(line, `unknown word '${words[0]?.text}'; did you mean 'config'?`);
    if (taken && taken.type !== type) this.report(line, `the name is taken by ${sectionLabel(taken)} of line ${taken.line}; UCI names are unique in a file`);
    if (name !== '' && !isUciName(name)) this.report(line, "a section name may hold only letters, digits and '_'");
    if (words.length > 3) this.report(line, 'too many words; a name with blanks needs quotes');
  }

  #option(words: readonly Word[], list: boolean): void {
    const line = words[0]?.line ?? 1;
    const keyword = list ? 'list' : 'option';
    const section = this.#current;
    if (!section) {
      if (!this.#lost) this.report(line, `'${keyword}' before the first 'config' line`);
      this.#lost = true;
      return;
    }
    const name = words[1];
    const value = words[2];
    if (!name || name.text === '') {
      this.report(line, `'${keyword}' needs a name and a value`);
      return;
    }
    if (!isUciName(name.text)) {
      this.report(line, "an option name may hold only letters, digits and '_'");
      return;
    }
    if (words.length > 3) {
      this.report(line, 'too many words; a value with blanks needs quotes', name.text);
      return;
    }
    if (value?.cut) this.report(value.line, "an unquoted '#' starts a comment and cuts the value here; put the value in quotes", name.text, 'warning');
    const before = section.options.get(name.text);
    const text = value?.text ?? '';
    const fresh: UciValue = { text, line: value?.line ?? line };
    if (list && before) {
      before.values.push(fresh);
      before.list = true;
    } else if (list) section.options.set(name.text, { name: name.text, line, list: true, values: [fresh] });
    else if (text !== '') section.options.set(name.text, { name: name.text, line, list: false, values: [fresh] });
  }
}

/** Parses any text; never throws. Time and memory are linear in the text. */
export function parseUci(text: string): UciDocument {
  const builder = new Builder();
  if (text.length > MAX_UCI_TEXT) {
    builder.report(1, `the file is larger than ${MAX_UCI_TEXT} characters`);
    return { sections: [], problems: builder.problems };
  }
  const scanner = new Scanner(text);
  while (!scanner.done) {
    const words: Word[] = [];
    let failed = false;
    while (!scanner.endOfCommand()) {
      const result = scanner.word();
      if (result.kind === 'word') {
        if (words.length < MAX_WORDS) words.push(result.word);
        continue;
      }
      if (result.kind === 'none') continue;
      const header = words[0] !== undefined && keywordOf(words[0]) === 'config';
      if (header) builder.command(result.kind === 'unterminated' && isUciName(result.rest) ? [...words, { text: result.rest, line: result.line, quoted: true, cut: false }] : words);
      if (result.kind === 'nul') builder.report(scanner.line, 'the line holds a NUL octet');
      else builder.report(result.line, 'a quote is opened here and not closed', header ? undefined : optionName(words));
      scanner.skipLine();
      failed = true;
      break;
    }
    if (!failed) builder.command(words);
  }
  return { sections: builder.sections, problems: builder.problems };
}

function optionName(words: readonly Word[]): string | undefined {
  const name = words[1]?.text;
  return name !== undefined && isUciName(name) ? name : undefined;
}
