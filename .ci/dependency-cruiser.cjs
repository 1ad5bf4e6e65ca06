/** The import rules of docs/architecture.md: schemas <- actors <- src; infra stands alone; only src/main wires adapters. */
const error = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    error('no-circular', 'A circle of imports has no first file to read.', {}, { circular: true }),
    error(
      'schemas-know-only-zod',
      'What may be said depends on nothing.',
      { path: '^schemas/' },
      { pathNot: ['^schemas/', 'node_modules/zod/'] },
    ),
    error(
      'actors-are-pure',
      'What may happen does no I/O.',
      { path: '^actors/' },
      { pathNot: ['^actors/', '^schemas/', 'node_modules/(xstate|zod)/', 'node_modules/@marcbachmann/cel-js/'] },
    ),
    error(
      'cel-behind-expressions',
      'The expression library is behind its wrapper, which bounds it.',
      { pathNot: '^actors/expressions/' },
      { path: 'node_modules/@marcbachmann/cel-js/' },
    ),
    error(
      'adapters-are-wired-in-main',
      'Everything else knows ports only.',
      { path: '^src/', pathNot: ['^src/main/', '\\.adapter\\.ts$'] },
      { path: '\\.adapter\\.ts$' },
    ),
    error(
      'infra-stands-alone',
      'infra runs servers; it knows nothing of workflows.',
      { path: '^infra/' },
      { path: '^(src|actors|schemas|test|web)/' },
    ),
    error(
      'infra-is-wired-in-main',
      'Only the processes start servers.',
      { path: '^(src|actors|schemas)/', pathNot: '^src/main/' },
      { path: '^infra/' },
    ),
    error('nothing-imports-test', 'Tests are leaves.', { pathNot: '^(test|bench|\\.ci)/' }, { path: '^(test|bench)/' }),
    error(
      'main-is-the-top',
      'Wiring is imported by nothing.',
      { path: '^src/', pathNot: '^src/main/' },
      { path: '^src/main/' },
    ),
    error(
      'db-client-behind-its-adapter',
      'The store client is one adapter.',
      { path: '^src/', pathNot: '/eventstoredb-[a-z.-]+\\.ts$' },
      { path: '@eventstore/db-client' },
    ),
    error(
      'replay-knows-little',
      'A replay is made of what may be said and what may happen.',
      { path: '^src/replay/' },
      {
        pathNot: [
          '^src/(replay|virtual)/',
          '^(schemas|actors)/',
          '^src/errors/',
          '^src/definitions/(canonical|diff-definitions)\\.ts$',
          '^src/dispatch/dispatcher\\.ts$',
          '^src/journal/(codec|journal\\.port)\\.ts$',
          'node_modules/(xstate|zod)/',
          '^(node:)?crypto$',
        ],
      },
    ),
    error(
      'virtual-knows-little',
      'What is played in virtual time knows ports, and no adapter.',
      { path: '^src/virtual/' },
      { pathNot: ['^src/(virtual|dispatch)/', '^src/clock/clock\\.port\\.ts$', '^(schemas|actors)/'] },
    ),
    error(
      'replay-can-do-nothing',
      'Nothing that a replay, or a run of the test kit, reaches can write, send, start a process or open a connection.',
      { path: '^src/(replay|virtual|test-kit)/' },
      {
        path: [
          '^src/(transport|master|worker|main|cli|supervisor|claims|buckets)/',
          '\\.adapter\\.ts$',
          'node_modules/(nats|libsql|@eventstore)/',
          '^(node:)?(fs|fs/promises|net|tls|dgram|dns|http|http2|https|child_process|worker_threads|cluster)$',
        ],
        reachable: true,
      },
    ),
    error(
      'nats-behind-its-adapters',
      'The NATS client is behind ports.',
      { path: '^src/', pathNot: '/nats-[a-z.-]+\\.ts$' },
      { path: 'node_modules/nats/' },
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
