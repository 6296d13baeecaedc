import { readFileSync, statSync } from 'node:fs';
import { err, fromUtf8, ok, type Result } from '../base/index.ts';
import { loadConfig, unreadableConfig, type CredentialReader, type LoadedConfig } from '../config/index.ts';

/** Largest file read: a configuration, a key, a CA bundle. */
const MOST_OCTETS = 4_194_304;

function why(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  return code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : String(code ?? error);
}

function readOctets(path: string): Result<{ octets: Uint8Array; worldReadable: boolean }> {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return err('not a file');
    if (facts.size > MOST_OCTETS) return err(`larger than ${MOST_OCTETS} octets`);
    return ok({ octets: readFileSync(path), worldReadable: (facts.mode & 0o004) !== 0 });
  } catch (error) {
    return err(why(error));
  }
}

/** Reads and checks the configuration and the files it names. Never throws: what is wrong is in `problems`. */
export function readConfig(path: string, reader?: CredentialReader): LoadedConfig {
  const file = readOctets(path);
  if (!file.ok) return unreadableConfig(path, file.error);
  const text = fromUtf8(file.value.octets);
  return text === undefined ? unreadableConfig(path, 'not UTF-8 text') : loadConfig(text, path, readOctets, reader);
}
