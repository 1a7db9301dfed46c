import { parseArgs } from 'node:util';

/** What was asked for on the command line. Ends the program where that is help, or cannot be understood. */
export function readOptions(options, usage) {
  try {
    const { values } = parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
    if (!values.help) return values;
    console.log(usage);
    process.exit(0);
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS_')) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exit(2);
  }
}
