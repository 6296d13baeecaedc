import { err, ok, type Json, type JsonObject, type Result } from '../../base/index.ts';

/** Deepest nesting read from a line: our own documents have 6 levels; engines differ in how they fail on deep ones. */
export const MAX_DEPTH = 16;

/** Depth of brackets outside strings; brackets need not match. */
function tooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (inString) {
      if (char === '\\') i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') {
      if (++depth > MAX_DEPTH) return true;
    } else if (char === '}' || char === ']') depth--;
  }
  return false;
}

/** Parses one JSON object; anything else, or one nested deeper than `MAX_DEPTH`, is an error. */
export function parseJsonObject(text: string): Result<JsonObject> {
  if (tooDeep(text)) return err('nested too deeply');
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return err('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('not a JSON object');
  return ok(value as JsonObject);
}
