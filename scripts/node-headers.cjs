'use strict';
// Where Node's headers are on this machine, so that nothing has to be downloaded: the folder that node-gyp calls nodedir.
//   node scripts/node-headers.cjs [--include]
const { existsSync } = require('node:fs');
const path = require('node:path');

/** The first prefix that holds node_api.h and uv.h, or undefined: node-gyp then looks for itself. */
function findNodeDir() {
  const candidates = [process.env.npm_config_nodedir, path.resolve(process.execPath, '..', '..')];
  return candidates.find(
    (prefix) =>
      prefix &&
      ['node_api.h', 'uv.h'].every((name) =>
        existsSync(path.join(prefix, 'include', 'node', name)),
      ),
  );
}

if (require.main === module) {
  const nodeDir = findNodeDir();
  if (!nodeDir) {
    console.error(
      "Node's headers (include/node with uv.h) were not found beside the running node; set npm_config_nodedir",
    );
    process.exit(1);
  }
  console.log(process.argv.includes('--include') ? path.join(nodeDir, 'include', 'node') : nodeDir);
}

module.exports = { findNodeDir };
