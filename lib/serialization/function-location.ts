/**
 * Where a function was written, and what its module's variables hold: known to V8 and told by its inspector, in this very
 * thread, without a port. The first look takes V8 some 30 ms (it lists every script), later ones under 10, and each function
 * is looked up once. Nothing of the debugger stays on.
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
  url: string;
  isModule: boolean;
}

interface RemoteProperty {
  name: string;
  value?: { objectId?: string; description?: string; value?: unknown };
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
  const session = new inspector.Session();
  session.connect();
  try {
    return locateIn(session, fn);
  } finally {
    bridgeHolder[BRIDGE] = undefined;
    session.disconnect();
  }
}

function locateIn(session: inspector.Session, fn: object): FunctionLocation | undefined {
  bridgeHolder[BRIDGE] = fn;
  const { result } = post<{ result: { objectId?: string } }>(session, 'Runtime.evaluate', {
    expression: BRIDGE_EXPRESSION,
  });
  const internals = propertiesOf(session, result.objectId, 'internalProperties');
  const place = valueOf(internals, '[[FunctionLocation]]')?.value as
    { scriptId: string; lineNumber: number; columnNumber?: number } | undefined;
  if (!place) return undefined;
  const known = scripts.get(place.scriptId);
  const script = known?.isModule === false ? known : undefined;
  const location = { line: place.lineNumber, column: place.columnNumber ?? 0 };
  if (script) return { ...script, ...location, source: undefined, variables: new Map() };

  return whileEnabled(session, () => {
    const { url, isModule } = scripts.get(place.scriptId) ?? { url: '', isModule: false };
    if (!isModule) return { url, isModule, ...location, source: undefined, variables: new Map() };
    const text = post<{ scriptSource: string }>(session, 'Debugger.getScriptSource', {
      scriptId: place.scriptId,
    });
    const scopes = valueOf(internals, '[[Scopes]]')?.objectId;
    const variables = moduleVariables(session, scopes);
    return { url, isModule, ...location, source: text.scriptSource, variables };
  });
}

/** The debugger names every script there is when it is enabled; it is disabled again before anything else can run. */
function whileEnabled<T>(session: inspector.Session, body: () => T): T {
  session.on('Debugger.scriptParsed', ({ params }) => {
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
    arguments: properties.map(({ value }) => ({ objectId: value?.objectId })),
  });
  return values;
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
