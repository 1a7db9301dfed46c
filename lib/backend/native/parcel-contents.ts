import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import { NativeKind, type NativeSync } from './sync-addon.js';

/** Where a spawned child finds what it was born with (pipes/parcel.ts), until it has taken that. */
let ownPlace: string | undefined;
/** What it has taken and not been asked for yet: handles, by what names the object. */
const unopened = new Map<string, number[]>();

resetAfterFork(AfterForkOrder.Handles, (occasion) => {
  if (occasion === 'rehearsal') return;
  // Its parent's: it takes them out, and opens them.
  ownPlace = undefined;
  unopened.clear();
});

/** In a child that was told of a parcel. */
export function adoptParcel(place: string): void {
  ownPlace = place;
}

/** In that child: the handle of an object that was among its arguments, as often as it was. */
export function takeFromParcel(
  native: NativeSync,
  [kind, offset, generation]: readonly [kind: number, offset: number, generation: number],
): number | undefined {
  if (ownPlace !== undefined) unpack(native);
  return unopened.get(nameOf(kind, offset, generation))?.pop();
}

/** All at once: from here on they end with this process. */
function unpack(native: NativeSync): void {
  const [offset, generation] = (ownPlace as string).split('-').map(Number) as [number, number];
  ownPlace = undefined;
  const reader = native.open(NativeKind.PipeEnd, offset, generation);
  for (let objects; (objects = native.pipeTakeCarried(reader)) !== undefined;) {
    for (let at = 0; at < objects.length; at += 4) {
      const [handle, ...name] = objects.slice(at, at + 4) as [number, number, number, number];
      const handles = unopened.get(nameOf(...name));
      if (handles) handles.push(handle);
      else unopened.set(nameOf(...name), [handle]);
    }
  }
  native.drop(reader);
}

function nameOf(kind: number, offset: number, generation: number): string {
  return [kind, offset, generation].join('-');
}
