// Stands in for `node:test` in the bundles of the mutation tester: it only notes the tests, and whoever runs them picks some.
const current = () => globalThis.__collected;

export function test(name, options, body) {
  const run = body ?? (typeof options === 'function' ? options : name);
  if (typeof options === 'object' && options.skip !== undefined && options.skip !== false) return;
  current().tests.push({ name: typeof name === 'string' ? name : 'unnamed', run });
}
export default test;
export const it = test;
export const describe = (_name, body) => void body();
export const suite = describe;
export const before = (body) => void current().before.push(body);
export const after = (body) => void current().after.push(body);

/** What a test gets: enough for ours, which ask for little. */
export function context() {
  const self = {
    name: '',
    diagnostic: () => {},
    skip: () => {},
    after: () => {},
    test: async (_name, options, body) => (body ?? options)(self),
  };
  return self;
}
