// The values that the service and the page exchange. Only the type checker reads this file.
// tests/page/unit/test_types.py compares the field names with the Python dataclasses and documents.

export type Transport = "polling" | "chunked" | "events" | "websocket";
export type Client = "browser" | "http1" | "http3";
export type Outcome = "complete" | "cut" | "timeout" | "refused" | "unreachable" | "stopped";
export type Verdict = "flowing" | "held" | "broken" | "unknown";

// flushcheck/model: what a probe is, and what it saw

export interface Probe {
  transport: Transport;
  scenario: string;
  variant: string;
  vantage: "path" | "loopback" | "direct" | "unproxied" | "outer";
  run: number;
  lasts_s: number;
  client?: Client;
}

export interface RequestAtApp {
  protocol: string;
  gateway: string;
  server: string;
  connection: string;
  upgrade: string;
  websocket_key: boolean;
  accept_encoding: string;
  via: string;
  forwarded: string[];
  forwarded_hops: number;
  concurrent: number;
}

export interface EndRecord {
  count: number;
  at_s: number;
  request_at_app?: RequestAtApp;
  pretended?: string;
}

export interface ReceivedPiece {
  seq: number;
  sent_s: number;
  size_bytes?: number;
}

export interface Arrival {
  at_s: number;
  size_bytes: number;
  text_bytes: number;
  pieces: ReceivedPiece[];
  frame_bytes?: number[];
  record_bytes?: number[];
  records?: number[];
  mid_record?: boolean;
  tokens?: number;
  reasoning_tokens?: number;
}

export interface Observation {
  probe: Probe;
  outcome: Outcome;
  detail: string;
  status: number;
  http_version: string;
  headers: Header[];
  requested_s?: number;
  connect_s: number;
  headers_s: number;
  ended_s: number;
  stall_s: number;
  arrivals: Arrival[];
  end: EndRecord | null;
  request_at_app: RequestAtApp | null;
  alpn?: string;
  tls_version?: string;
  settings?: [number, number][];
  queued_s?: number;
  compressed_head?: string;
  head_bytes?: number;
  unread_bytes?: number;
  framing?: string;
  format?: string;
  format_end?: string;
  done?: boolean;
  finished?: boolean;
  usage_tokens?: number;
  error?: string;
  delimited?: boolean;
  hidden_headers?: boolean;
}

export interface NamedAddress {
  name: string;
  url: string;
}

export interface Certificate {
  subject: string;
  issuer: string;
  expires: string;
  sha256: string;
  public_key: string;
}

export interface Run {
  target: string;
  observations: Observation[];
  tool?: string;
  direct?: string;
  proxy?: string;
  verified?: boolean;
  http3_missing?: boolean;
  redirected_from?: string;
  certificate?: Certificate | null;
  site_certificate?: Certificate | null;
  pins?: string[];
  addresses?: NamedAddress[];
  method?: string;
  capabilities?: Capabilities | null;
  direct_capabilities?: Capabilities | null;
  origin_fault?: string;
  outer?: string;
  outer_capabilities?: Capabilities | null;
  tapped?: { notes: string[]; observation: Observation } | null;
  omissions?: { probe: Probe; reason: string }[];
  short_s?: number;
  began_at?: string;
  took_s?: number;
  observer?: string;
  marker?: string;
}

/** What an origin says that it can: docs/protocol.md. The page itself diagnoses services with their own paths. */
export interface Capabilities {
  transports: string[];
  max_streams: number;
  max_duration_s: number;
  max_bytes: number;
  params?: string[];
  origin?: string;
  until?: string;
  place?: string;
  layers?: string[];
  flush?: string[];
  taps?: boolean;
  paths?: boolean;
}

/** A run as the page keeps it: with the sentences about what only a browser sees. */
export interface NotedRun extends Run {
  notes?: string[];
}

// flushcheck/reports/json_report.py: what the service says about a run

export interface Fix {
  where: string;
  change: string;
  by: string;
  versions: string;
  cost: string;
  note: string;
  response_header: boolean;
  tested?: { transports: Transport[]; before_s: number; after_s: number } | null;
}

export interface CulpritReport {
  id: string;
  title: string;
  confidence: string;
  transports: Transport[];
  clients: Client[];
  evidence: string[];
  versions: string[];
  fixes: Fix[];
  references: string[];
}

export interface IdleResult {
  cause: string;
  summary: string;
  passed_s: number;
  cut_after_s: number | null;
  deadline_s: number | null;
}

export interface TransportReport {
  flow: string;
  summary: string;
  held_at: string | null;
  hold_bytes: number | null;
  hold_s: number;
  headers_s: number;
  first_piece_s: number;
  lag_s: { p50: number; max: number };
  pieces_sent: number;
  pieces_received: number;
  complete: boolean;
  culprits: string[];
  freed_by: string[];
  idle: IdleResult | null;
  sent_s: number[];
  received_s: number[];
  clients: Partial<Record<Client, ClientReport>>;
}

export interface ClientReport {
  flow: string;
  summary: string;
  http_version: string;
  hold_bytes: number | null;
  hold_s: number;
  culprits: string[];
  freed_by: string[];
  sent_s: number[];
  received_s: number[];
}

export interface FaultLocation {
  place: string;
  summary: string;
  evidence: string[];
  layers: string[];
}

export interface Hop {
  what: string;
  evidence: string;
}

export interface CertificateReport {
  subject: string;
  issuer: string;
  expires: string;
  sha256: string;
  public_key: string;
  match: "same" | "other" | "unclear" | "not_compared";
  site: Certificate | null;
}

export interface Report {
  schema: number;
  target: string;
  verdict: Verdict;
  headline: string;
  measured_as: string;
  clients: Partial<Record<Client, Verdict>>;
  transports: Record<Transport, TransportReport>;
  culprits: CulpritReport[];
  fault_location: FaultLocation | null;
  certificate: CertificateReport | null;
  hops: Hop[];
  stream: StreamReport | null;
  rungs: Rung[];
  is_origin: boolean;
  notes: string[];
  tool: string;
  began_at: string;
  took_s: number;
  observer: string;
  marker: string;
  tls_version: string;
  measured: string;
  in_access_logs: string;
  clean: string[];
  bundles: Bundle[];
}

export interface Bundle {
  server: string;
  where: string;
  change: string;
  culprits: string[];
  notes: string[];
}

export interface StreamReport {
  method: string;
  status: number;
  format: string;
  framing: string;
  records: number;
  deliveries: number;
  records_per_delivery: number;
  tokens: number;
  reasoning_tokens: number;
  usage_tokens: number;
  ttft_s: number | null;
  ttfo_s: number | null;
  gap_s: { p50: number; p95: number; max: number } | null;
  tokens_per_s: number | null;
  ending: string;
  error: string;
  longest_gap_s: number;
  done: boolean;
  ended_s: number;
  summary: string;
  sentences: string[];
}

export interface RungStream {
  flow: string;
  summary: string;
  first: boolean;
  received_s: number[];
}

export interface Rung {
  name: string;
  url: string;
  flow: string;
  summary: string;
  received_s: number[];
  transports: Partial<Record<Transport, RungStream>>;
  hops: string[];
}

// flushcheck/reports/comparison.py: what the service says about two runs

export type Trend = "better" | "same" | "worse" | "unclear";

export interface ComparedReport {
  target: string;
  verdict: Verdict;
  headline: string;
  began_at: string;
  measured: string;
}

export interface Change {
  name: string;
  before: string;
  after: string;
  before_hold_s: number;
  after_hold_s: number;
  trend: Trend;
  sentence: string;
}

export interface Comparison {
  schema: number;
  trend: Trend;
  before: ComparedReport;
  after: ComparedReport;
  changes: Change[];
  only_before: string[];
  only_after: string[];
  culprits_gone: string[];
  culprits_new: string[];
  remarks: string[];
}

// flushcheck/reports/findings.py: what the service says about a configuration file

export interface Finding {
  id: string;
  level: "error" | "warning" | "note";
  line: number;
  block: string;
  block_file: string;
  block_line: number;
  message: string;
  override: string;
  readers: ("plain" | "http1" | "browser")[];
  fix: Fix;
}

export interface AllowedFinding extends Finding {
  allowed_at: { file: string; line: number };
  reason: string;
}

export interface CheckedBlock {
  file: string;
  line: number;
  block: string;
  reason: string;
  conditions: { assumption: string; clause: string }[];
}

export interface ReadProblem {
  file: string;
  line: number;
  reason: string;
}

export interface Findings {
  findings: Finding[];
  passed: CheckedBlock[];
  unknown: CheckedBlock[];
  skipped: { file: string; reason: string }[];
  allowed: AllowedFinding[];
  problems: ReadProblem[];
}

/** flushcheck/service/routes/check.py: why a file cannot be checked. Other errors have no code and no reason. */
export interface CheckFailure {
  error?: string;
  code?: string;
  reason?: string;
}

// flushcheck/service/routes/pages.py: what the service tells the page

export interface PlannedProbe {
  id: string;
  probe: Probe;
  path: string;
  count: number;
  interval_s: number;
  duration_s: number;
}

/** Numbers that decide what a picture or a card says; the service's own are in flushcheck/measurement. */
export interface Thresholds {
  late_s: number;
  held_s: number;
  held_share: number;
  same_delivery_s: number;
}

/** How much of a response an observer keeps. */
export interface Bounds {
  max_arrivals: number;
  max_headers: number;
  max_header_chars: number;
  max_pending_bytes: number;
  max_watch_reads: number;
  max_watch_bytes: number;
  watch_s: number;
  max_watch_s: number;
}

/** One way to request a stream of the visitor's own again. */
export interface PlannedRepeat {
  id: string;
  probe: Probe;
}

/** A hold that the service makes itself: a value of the parameter `pretend`. */
export interface PretendOffer {
  value: string;
  label: string;
  transports: Transport[];
}

export interface Settings {
  tool: string;
  routes: Record<Transport, string>;
  servers: string[];
  texts: string[];
  pretend: PretendOffer[];
  limits: Record<string, number>;
  max_name: number;
  thresholds: Thresholds;
  bounds: Bounds;
  no_websocket: string;
  secret_names: string;
  public: boolean;
}

// flushcheck/service/page_capture.py: what the page tells the service of a stream of the visitor's own

export type PageEnding = "ended" | "broken" | "stopped" | "time_limit" | "enough" | "unreachable";

export interface PageRead {
  at_s: number;
  size_bytes: number;
}

export interface PageCapture {
  url: string;
  method: string;
  ending: PageEnding;
  detail: string;
  probe: Probe | null;
  time_limit_s: number;
  redirected: boolean;
  status: number;
  http_version: string;
  alpn: string;
  headers: Header[];
  hidden_headers: boolean;
  requested_s: number;
  connect_s: number;
  headers_s: number;
  ended_s: number;
  stall_s: number;
  reads: PageRead[];
  body: string[];
}

// Values inside the page

/** What the visitor typed. It goes to that address, and nowhere else. */
export interface OwnRequest {
  url: string;
  method: string;
  headers: Header[];
  body: string | null;
  time_limit_s: number;
}

/** One request of the watching worker. */
export interface WatchOrder {
  id: number;
  request: OwnRequest;
  probe: Probe | null;
  /** 0: no other bound than the page's own. */
  enough_bytes: number;
  bounds: Bounds;
  secret_names: string;
  /** When the first request began, of the worker's performance.now(); 0 for that itself. */
  run_began: number;
}

/** What the worker posts while a response comes, and when it is over. */
export interface WatchEvent {
  id: number;
  began?: number;
  status?: number;
  read?: { at_s: number; size_bytes: number; text: string };
  /** Null where the browser could not make the request in this way. */
  capture?: PageCapture | null;
}

export type Header = [name: string, value: string];

/** A piece on the page's clock. `connection` tells the connections of an EventSource apart. */
export interface Point {
  sent_s: number;
  arrived_s: number;
  connection?: number;
}

export interface Piece {
  seq: number;
  at_s: number;
  text: string;
}

/** The end of a stream. A literal end such as `[DONE]` has a name and nothing else. */
export interface StreamEnd {
  name: string;
  count: number | null;
  at_s: number | null;
  request_at_app: unknown;
  pretended?: unknown; // by which rule the service held the stream on request
}

/** Exactly one of the two. */
export interface StreamRecord {
  piece?: Piece;
  end?: StreamEnd;
}

/** A record, and the text it was read from. */
export interface RawRecord extends StreamRecord {
  raw: string;
}

/** What happens to a stream while it is read. `sent_s` is undefined for an end. */
export interface Listener {
  opened?(response: { status: number; headers: Header[] }): void;
  read?(bytes: number): void;
  record?(record: RawRecord, sent_s: number | undefined): void;
  connected?(connection: number): void;
  dropped?(connection: number): void;
}

export interface ReadOptions {
  listener: Listener;
  signal: AbortSignal;
  maxPendingBytes: number;
  headers?: Record<string, string>;
}

/** `status` and `reason` are those of a refusal; `reason` is the service's own
 * sentence, "" if the response is not one of its errors. */
export interface StreamResult {
  ended: "complete" | "cut" | "refused" | "unreachable" | "stopped" | "foreign";
  detail: string;
  status?: number;
  reason?: string;
  request_at_app?: unknown;
}

declare global {
  // Trusted Types and client hints: not in TypeScript's DOM library.
  var trustedTypes:
    | {
        createPolicy(
          name: string,
          rules: { createScriptURL(name: string): string },
        ): { createScriptURL(name: string): URL };
      }
    | undefined;
  interface Navigator {
    userAgentData?: { brands?: { brand: string; version: string }[] };
  }
}
