/** What `swanctl --raw` prints: `list-sa event {name {key=value list=[a b] section {...}}}`, one message a line. */

export interface RawSection {
  readonly [key: string]: string | readonly string[] | RawSection;
}

interface Open {
  [key: string]: string | readonly string[] | RawSection;
}

/** The bodies of the events, in order; replies are left out. */
export function parseRaw(text: string): RawSection[] {
  const out: RawSection[] = [];
  for (const line of text.split('\n')) {
    const at = line.indexOf(' event {');
    if (at >= 0) out.push(parseBody(line.slice(at + ' event {'.length)));
  }
  return out;
}

function parseBody(text: string): RawSection {
  const top: Open = {};
  const stack: Open[] = [top];
  let at = 0;
  while (at < text.length) {
    const current = stack[stack.length - 1];
    if (!current) break;
    if (text[at] === ' ') at++;
    else if (text[at] === '}') {
      stack.pop();
      at++;
    } else {
      let end = at;
      while (end < text.length && !'={'.includes(text[end] ?? '')) end++;
      const key = text.slice(at, end).trim();
      if (text[end] === '{') {
        const section: Open = {};
        current[key] = section;
        stack.push(section);
        at = end + 1;
      } else if (text[end + 1] === '[') {
        const close = closingBracket(text, end + 1);
        current[key] = text.slice(end + 2, close).split(' ').filter((v) => v !== '');
        at = close + 1;
      } else {
        let close = end + 1;
        while (close < text.length && text[close] !== ' ' && text[close] !== '}') close++;
        current[key] = text.slice(end + 1, close);
        at = close;
      }
    }
  }
  return top;
}

/** Where the list that opens at `from` ends; a selector with a port has brackets of its own: `[10.2.0.0/24[udp/echo]]`. */
function closingBracket(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if (text[at] === '[') depth++;
    else if (text[at] === ']' && --depth === 0) return at;
  }
  return text.length;
}
