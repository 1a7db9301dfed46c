export function nothing() {}

export const lengthOf = (bytes) => bytes.length;

/** Sends back what comes, until the other end is closed. */
export async function echo(connection) {
  try {
    for (;;) await connection.send(await connection.recv());
  } catch (error) {
    if (error.code !== 'ERR_MP_END_OF_FILE') throw error;
  }
}

export function echoSync(connection) {
  try {
    for (;;) connection.sendSync(connection.recvSync());
  } catch (error) {
    if (error.code !== 'ERR_MP_END_OF_FILE') throw error;
  }
}
