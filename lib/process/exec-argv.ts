/** Which of Node's own options a spawned child takes over from its parent: those about how code runs, not about what to run. */

/** The option, alone or with `=value`; `takesValue` when its value may be the next word. */
const NOT_FOR_CHILDREN: readonly { readonly pattern: RegExp; readonly takesValue: boolean }[] = [
  // The program itself.
  { pattern: /^(-e|--eval|-p|--print|-pe|--run)$/, takesValue: true },
  { pattern: /^(--eval|--print|--run)=/, takesValue: false },
  {
    pattern: /^(-i|--interactive|-c|--check|--entry-url|-h|--help|-v|--version|--v8-options)$/,
    takesValue: false,
  },
  { pattern: /^--input-type=/, takesValue: false },
  { pattern: /^--input-type$/, takesValue: true },
  // A port that the parent has already taken.
  { pattern: /^--(inspect|inspect-brk|inspect-wait)(=|$)/, takesValue: false },
  { pattern: /^--(inspect-port|debug-port)$/, takesValue: true },
  { pattern: /^--(inspect-port|debug-port)=/, takesValue: false },
  // The test runner and the watcher start children of their own.
  {
    pattern:
      /^--test-(name-pattern|skip-pattern|reporter|reporter-destination|timeout|concurrency|shard)$/,
    takesValue: true,
  },
  { pattern: /^--(test|watch)($|-|=)/, takesValue: false },
  {
    pattern: /^--(build-snapshot|build-snapshot-config|experimental-sea-config|prof-process)($|=)/,
    takesValue: false,
  },
];

export function execArgvForChild(execArgv: readonly string[] = process.execArgv): string[] {
  const kept: string[] = [];
  for (let at = 0; at < execArgv.length; at++) {
    const word = execArgv[at] as string;
    const found = NOT_FOR_CHILDREN.find(({ pattern }) => pattern.test(word));
    if (found === undefined) kept.push(word);
    else if (found.takesValue) at++;
  }
  return kept;
}
