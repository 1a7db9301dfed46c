/** What goes through a queue, by the name of its kind. */
const kinds = {
  number: () => 12_345,
  object: () => ({ id: 12_345, name: 'somebody', tags: ['one', 'two'], weight: 0.5, ok: true }),
  kibibytes4: () => new Uint8Array(4096),
  mebibyte: () => new Uint8Array(2 ** 20),
};

export const itemOf = (kind) => kinds[kind]();
