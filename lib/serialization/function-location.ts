/**
 * Where a function was written, and what its module's variables hold: known to V8 and told by its inspector, in this very
 * thread, without a port. The first look into a module takes V8 some 30 ms (it lists every script), later ones under 10, and each
 * function is looked up once. Nothing of the debugger stays on.
 */
import inspector from 'node:inspector';

/** The place of a function's first characters. */
export interface FunctionLocation {
  /** As the loader named it: a file URL, `node:…`; empty for evaluated text. */
  readonly url: string;
  readonly isModule: boolean;
  readonly line: number;
  readonly column: number;
  /** Only for an ES module: its text as V8 has it (types and JSX already gone). */
  readonly source: string | undefined;
  /** Only for an ES module: the variables of its top level that V8 keeps, with their present values. */
  readonly variables: ReadonlyMap<string, unknown>;
}

interface Script {
  readonly url: string;
  readonly isModule: boolean;
  /** Of an ES module: its text, once it has been asked for. */
  source?: string;
}

interface RemoteProperty {
  name: string;
  value?: {
    objectId?: string;
    description?: string;
    value?: unknown;
    /** `-0`, `NaN`, `5n`. */
    unserializableValue?: string;
  };
}

type Parameters = Record<string, unknown>;

const scripts = new Map<string, Script>();
/** How values cross to the inspector's side and back. Node's own module object is shared by all realms; globals are not. */
const BRIDGE = Symbol.for('node-multiprocessing.inspector-bridge');
const bridgeHolder = inspector as unknown as Record<symbol, unknown>;
const BRIDGE_EXPRESSION = `process.getBuiltinModule('node:inspector')[Symbol.for('${String(BRIDGE.description)}')]`;

/**
 * Undefined when V8 has none: a native, bound or proxied function. @throws when there is no inspector: a build of Node
 * without it, or a permission that forbids it.
 */
export function locate(fn: object): FunctionLocation | undefined {
  return withSession((session) => locateIn(session, fn));
}

function withSession<T>(body: (session: inspector.Session) => T): T {
  const session = new inspector.Session();
  session.connect();
  try {
    return body(session);
  } finally {
    bridgeHolder[BRIDGE] = undefined;
    session.disconnect();
  }
}

function locateIn(session: inspector.Session, fn: object): FunctionLocation | undefined {
  const internals = internalsOf(session, fn);
  const place = valueOf(internals, '[[FunctionLocation]]')?.value as
    { scriptId: string; lineNumber: number; columnNumber?: number } | undefined;
  if (!place) return undefined;
  const { url, isModule, source } = scriptOf(session, place.scriptId);
  const location = { url, isModule, line: place.lineNumber, column: place.columnNumber ?? 0 };
  if (!isModule) return { ...location, source: undefined, variables: new Map() };
  const scopes = valueOf(internals, '[[Scopes]]')?.objectId;
  return { ...location, source, variables: moduleVariables(session, scopes) };
}

/** Only the debugger knows. It is asked once for each module, and once for all that is none. */
function scriptOf(session: inspector.Session, scriptId: string): Script {
  const known = scripts.get(scriptId);
  if (known !== undefined && (!known.isModule || known.source !== undefined)) return known;
  return whileEnabled(session, () => {
    const script = scripts.get(scriptId) ?? { url: '', isModule: false };
    if (!script.isModule) return script;
    const text = post<{ scriptSource: string }>(session, 'Debugger.getScriptSource', { scriptId });
    script.source = text.scriptSource;
    return script;
  });
}

function internalsOf(session: inspector.Session, fn: object): RemoteProperty[] {
  bridgeHolder[BRIDGE] = fn;
  const { result } = post<{ result: { objectId?: string } }>(session, 'Runtime.evaluate', {
    expression: BRIDGE_EXPRESSION,
  });
  return propertiesOf(session, result.objectId, 'internalProperties');
}

/** What `bind` has put together, down to the function that was written. */
export interface Unbound {
  readonly target: (...args: never[]) => unknown;
  /** Its `this`. */
  readonly self: unknown;
  readonly args: readonly unknown[];
}

/** Undefined for a function that is not bound. @throws as `locate`. */
export function unbind(fn: object): Unbound | undefined {
  return withSession((session) => {
    const outer = unbindOnce(session, fn);
    if (outer === undefined) return undefined;
    let { target, self, args } = outer;
    for (let next; (next = unbindOnce(session, target)) !== undefined;) {
      args = [...next.args, ...args];
      ({ target, self } = next);
    }
    return { target, self, args };
  });
}

function unbindOnce(session: inspector.Session, fn: object): Unbound | undefined {
  const internals = internalsOf(session, fn);
  const names = ['[[TargetFunction]]', '[[BoundThis]]', '[[BoundArgs]]'];
  const parts = names.flatMap((wanted) => internals.filter(({ name }) => name === wanted));
  if (parts.length < names.length) return undefined;
  const [target, self, args] = fetchValues(session, parts);
  return { target, self, args } as Unbound;
}

/** What the function's free variable of this name holds; undefined also for a global one. @throws as `locate`. */
export function closedOver(fn: object, variable: string): unknown {
  return withSession((session) => {
    const scopes = valueOf(internalsOf(session, fn), '[[Scopes]]')?.objectId;
    // From the inside out.
    for (const { value: scope } of propertiesOf(session, scopes, 'result')) {
      if (scope?.description === 'Global') continue;
      const found = propertiesOf(session, scope?.objectId, 'result').filter(
        ({ name }) => name === variable,
      );
      if (found.length > 0) return fetchValues(session, found)[0];
    }
    return undefined;
  });
}

/** The debugger names every script there is when it is enabled; it is disabled again before anything else can run. */
function whileEnabled<T>(session: inspector.Session, body: () => T): T {
  session.on('Debugger.scriptParsed', ({ params }) => {
    if (scripts.has(params.scriptId)) return;
    scripts.set(params.scriptId, { url: params.url, isModule: params.isModule === true });
  });
  post(session, 'Debugger.enable');
  try {
    return body();
  } finally {
    post(session, 'Debugger.disable');
  }
}

function moduleVariables(
  session: inspector.Session,
  scopes: string | undefined,
): ReadonlyMap<string, unknown> {
  const scope = propertiesOf(session, scopes, 'result').find(
    ({ value }) => value?.description === 'Module',
  );
  // Variables not yet initialized have no value; primitives have no objectId and cannot be what is looked for.
  const found = propertiesOf(session, scope?.value?.objectId, 'result').filter(
    ({ value }) => value?.objectId !== undefined,
  );
  const values = fetchValues(session, found);
  return new Map(found.map(({ name }, index) => [name, values[index]]));
}

/** The values themselves, not the inspector's descriptions of them. */
function fetchValues(session: inspector.Session, properties: RemoteProperty[]): unknown[] {
  let values: unknown[] = [];
  bridgeHolder[BRIDGE] = (...given: unknown[]) => {
    values = given;
  };
  const { result } = post<{ result: { objectId?: string } }>(session, 'Runtime.evaluate', {
    expression: BRIDGE_EXPRESSION,
  });
  post(session, 'Runtime.callFunctionOn', {
    objectId: result.objectId,
    functionDeclaration: 'function (...values) { this(...values); }',
    arguments: properties.map(({ value }) => argumentFor(value)),
  });
  return values;
}

/** Objects by what the inspector calls them, everything else by itself. */
function argumentFor(remote: RemoteProperty['value']): Parameters {
  if (remote?.objectId !== undefined) return { objectId: remote.objectId };
  if (remote?.unserializableValue !== undefined)
    return { unserializableValue: remote.unserializableValue };
  return { value: remote?.value };
}

function propertiesOf(
  session: inspector.Session,
  objectId: string | undefined,
  list: 'result' | 'internalProperties',
): RemoteProperty[] {
  if (objectId === undefined) return [];
  const answer = post<Record<string, RemoteProperty[] | undefined>>(
    session,
    'Runtime.getProperties',
    { objectId, ownProperties: true },
  );
  return answer[list] ?? [];
}

function valueOf(properties: RemoteProperty[], name: string): RemoteProperty['value'] {
  return properties.find((property) => property.name === name)?.value;
}

/** A session of the same thread answers before `post` returns. */
function post<T>(session: inspector.Session, method: string, parameters: Parameters = {}): T {
  let answer: T | undefined;
  let failure: { message: string } | null = null;
  session.post(method, parameters, (error: { message: string } | null, result?: unknown) => {
    failure = error;
    answer = result as T;
  });
  if (failure !== null) throw new Error(`${method}: ${(failure as { message: string }).message}`);
  return answer as T;
}
