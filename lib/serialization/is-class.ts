/** What the text of a class begins with, and no other function's: a method may be called `class` too, and then `(` follows. */
const BETWEEN = String.raw`(?:\s|/\*(?:[^*]|\*(?!/))*\*/|//.*[\n\r\u2028\u2029])`;
const CLASS = new RegExp(String.raw`^class(?:\{|${BETWEEN}+[^\s(/])`);

/** Written as a class; not a constructor of the old kind. */
export function isClass(fn: object): boolean {
  return CLASS.test(Function.prototype.toString.call(fn));
}
