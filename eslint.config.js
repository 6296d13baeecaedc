// Lint: what the compiler does not see. Types are the compiler's business (`npx tsc`), so no rule here needs them, and a run over the
// tree stays within seconds. Which room may import which is checked by test/arch/imports.test.ts, from one table.
//
// An exception stands on its line with its reason: `// eslint-disable-next-line rule -- why`. A rule that is off for a group of files
// has its reason here.
import { defineConfig } from 'eslint/config';
import { builtinRules } from 'eslint/use-at-your-own-risk';
import tseslint from 'typescript-eslint';

/** What ESLint itself recommends (`@eslint/js` holds the same list; this spares the package). */
const RECOMMENDED = Object.fromEntries([...builtinRules].filter(([, rule]) => rule.meta.docs?.recommended).map(([name]) => [name, 'error']));

/** The rooms that must run in any engine: everything that ships but the code that does I/O (adapters) and its composition (main). */
const CORE = { files: ['src/**/*.ts'], ignores: ['src/adapters/**', 'src/main/**'] };

/** Names a core room must not touch, by reason. The compiler hides most of them (`lib: ES2022`, no types); a `declare` would bring them back. */
const BANNED_GLOBALS = {
  'wall time is passed in; `now` comes with every input': ['Date', 'performance'],
  'the one timer of the process is armed at `deadline`': [
    'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate', 'queueMicrotask', 'requestAnimationFrame',
  ],
  'an engine may not have it, or have it differ': [
    'Intl', 'process', 'Buffer', 'console', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'structuredClone', 'fetch', 'crypto', 'navigator',
    'require', 'module', 'globalThis', 'global', 'window', 'self', 'eval', 'Function', 'btoa', 'atob', 'AbortController', 'EventTarget', 'Worker',
  ],
  'the core is synchronous: an effect with an `opId` and an input that answers it': ['Promise'],
  'what a program does must not depend on the garbage collector': ['WeakRef', 'FinalizationRegistry'],
};

/** Syntax no core room uses, by selector. */
const BANNED_SYNTAX = {
  'Literal[regex]': 'Regular-expression literals crash in QuickJS bytecode on big-endian MIPS; write a scanner.',
  ':function[async=true]': 'The core has no promises: return an effect with an `opId`.',
  AwaitExpression: 'The core has no promises: return an effect with an `opId`.',
  ImportExpression: 'No dynamic import in a core room.',
  TSEnumDeclaration: 'Use an `as const` table and a union.',
  TSModuleDeclaration: 'No namespaces, and no ambient names in a core room.',
  'VariableDeclaration[declare=true]': 'An ambient name would let the platform in.',
};

/** Functions whose answer depends on chance or on the locale. */
const BANNED_PROPERTIES = [
  { object: 'Math', property: 'random', message: 'Randomness is `entropy.bytes(count, label)`.' },
  ...['toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase', 'toLocaleDateString', 'toLocaleTimeString', 'localeCompare', 'normalize'].map((property) => ({
    property, message: 'Depends on locale data, which engines lack or differ in.',
  })),
];

export default defineConfig(
  // Made by machines: the build's output, packages, and the checking code ajv writes (src/config/gen.mjs).
  { ignores: ['build/**', 'node_modules/**', 'src/config/generated/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { name: 'mobiked/recommended', rules: RECOMMENDED },
  tseslint.configs.strict,
  tseslint.configs.stylistic,
  {
    name: 'mobiked/everywhere',
    rules: {
      eqeqeq: 'error',
      'no-param-reassign': 'error',
      'no-self-compare': 'error',
      'no-throw-literal': 'error',
      'no-else-return': 'error',
      'no-implied-eval': 'error',
      'no-template-curly-in-string': 'error',
      'no-unneeded-ternary': 'error',
      'no-useless-rename': 'error',
      'no-lonely-if': 'error',
      'no-return-assign': 'error',
      'no-sequences': 'error',
      'object-shorthand': 'error',
      'prefer-arrow-callback': 'error',
      'prefer-object-spread': 'error',
      'default-case-last': 'error',
      'grouped-accessor-pairs': 'error',
      radix: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-shadow': ['error', { allow: ['_'] }],
      // The house writes `{ readonly [name: string]: T }`: the key has a name that says what it is.
      '@typescript-eslint/consistent-indexed-object-style': ['error', 'index-signature'],
      // `TIMERS` is a table whose only reader may be the type of its rows (TimerTable<(typeof TIMERS)[number]>); a rest pattern that leaves
      // members out has to name them.
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^TIMERS$', ignoreRestSiblings: true }],
      // `() => {}` says plainly that there is nothing to do; a named function or a method that does nothing says why.
      '@typescript-eslint/no-empty-function': ['error', { allow: ['arrowFunctions'] }],
      // Rows of tables and long sentences aside, a line fits a screen; 140 is the habit, 200 the end.
      'max-len': ['error', { code: 200, ignoreStrings: true, ignoreTemplateLiterals: true }],
    },
  },
  {
    name: 'mobiked/sources', files: ['src/**/*.ts'],
    rules: {
      // What crosses a file is written down, so that a change of it is seen in the file that makes it.
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      // The journal is a port (adapters/node/log.ts).
      'no-console': 'error',
    },
  },
  {
    name: 'mobiked/core rooms', ...CORE,
    rules: {
      'no-restricted-globals': ['error', ...Object.entries(BANNED_GLOBALS).flatMap(([message, names]) => names.map((name) => ({ name, message })))],
      'no-restricted-syntax': ['error', ...Object.entries(BANNED_SYNTAX).map(([selector, message]) => ({ selector, message }))],
      'no-restricted-properties': ['error', ...BANNED_PROPERTIES],
      'no-restricted-imports': ['error', { patterns: [{ regex: '^[^.]', message: 'Packages and Node modules belong to adapters and main.' }] }],
    },
  },
  {
    name: 'mobiked/scripts', files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', Buffer: 'readonly', performance: 'readonly' } },
  },
);
