import type { LocalEnd } from './local-end.js';

const forgotten = new FinalizationRegistry<Reference>((reference) => {
  reference.release();
});

/** One use of an end in this process: by a channel, or by a transfer that is not sent yet. Released once. */
export class Reference {
  readonly end: LocalEnd;
  #released = false;

  /** The end counts the reference already: see `LocalEnd.refer` and `LocalEnd.received`. */
  constructor(end: LocalEnd) {
    this.end = end;
  }

  /** Released when its user is collected, if nobody did it before. */
  boundTo(user: object): this {
    forgotten.register(user, this, this);
    return this;
  }

  /** From one user to the next, who binds it anew. */
  unbind(): this {
    forgotten.unregister(this);
    return this;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    forgotten.unregister(this);
    this.end.unrefer();
  }

  /** The broker takes the hold behind it back. */
  surrender(): void {
    if (this.#released) return;
    this.#released = true;
    forgotten.unregister(this);
    this.end.surrender();
  }
}
