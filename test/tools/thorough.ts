/** `make check` plays a part of long lists of like cases, `make test` all of them: run.mjs says which of the two it is. */
export const thorough = typeof process !== 'undefined' && process.env['MOBIKED_THOROUGH'] !== undefined; // QuickJS has no process

/** Of many like cases every one in `make test`, and every `step`th in `make check`; a step that shares no divisor with the inner lists takes some of each. */
export function portion<T>(all: readonly T[], step: number): readonly T[] {
  return thorough ? all : all.filter((_, at) => at % step === 0);
}
