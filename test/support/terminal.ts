/**
 * A program for `python3 -c`, with a text and a command: runs the command in a terminal of its own, types Ctrl-C when it reads the text,
 * prints what it has read, and ends with the command's exit code, or the number of the signal that ended it.
 */
export const TERMINAL = `
import os, pty, sys
text = sys.argv[1].encode()
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
seen = b''
typed = False
while True:
  try: read = os.read(terminal, 4096)
  except OSError: break
  if not read: break
  seen += read
  if text in seen and not typed:
    typed = True
    os.write(terminal, b'\\x03')
sys.stdout.buffer.write(seen)
sys.exit(-os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
