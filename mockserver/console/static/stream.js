// The one event stream of this browser. Its visible tabs share it: the tab that holds the Web Lock has the stream,
// and passes on by BroadcastChannel what happens. A browser allows six connections to a server, so a stream for
// each tab would leave none for the pages. Where there are no locks (plain http on a name that is not local), each
// tab polls; and so does the leader after three failures.

const API = new URL("../../../", import.meta.url); // the path may have more before it, which a proxy removes
const STREAM = new URL("events?seconds=86400", API);
const POLL = new URL("requests?limit=1", API);
const KINDS = ["call", "missed", "cleared", "sandbox"];
const ENDINGS = ["deleted", "expired", "evicted"];
const REFUSALS = [401, 403, 404, 410]; // the login has ended, or the sandbox that it opened
const MAX_FAILURES = 3;
const POLL_MS = 3000; // and after 10 polls the stream is tried again
const HELLO_MS = 10000; // a proxy that holds back the stream is a failure too
const NEWS_MS = 250; // at least, between two messages to the tabs
const NAME = `mockserver ${import.meta.url}`; // tabs of another version of the server have a leader of their own

/** Call `receive` with each message while this tab is visible: {state, version, began}, or {sandboxes, ended}.
 *
 *  States are connecting, live, reconnecting, polling, refused and offline. `began` is true if a stream has just begun:
 *  something may have happened before. `sandboxes` are those where something happened, or null if that is not known;
 *  `ended` is true if calls were removed. */
export function watch(receive) {
  let leave = null;
  const update = () => {
    if (document.hidden) leave = leave?.();
    else leave ??= join(receive);
  };
  document.addEventListener("visibilitychange", update);
  update();
}

function join(receive) {
  const leaving = new AbortController();
  const channel = new BroadcastChannel(NAME);
  receive({ state: "connecting" });
  if (!navigator.locks) {
    const leader = new Leader(receive);
    leader.poll();
    leaving.signal.addEventListener("abort", () => leader.close());
  } else {
    let leader = null;
    channel.onmessage = ({ data }) => (data === "state?" ? leader?.repeat() : receive(data));
    channel.postMessage("state?");
    const lead = () =>
      new Promise((resolve) => {
        if (leaving.signal.aborted) return resolve();
        leader = new Leader((message) => (channel.postMessage(message), receive(message)));
        leader.connect();
        leaving.signal.addEventListener("abort", () => (leader.close(), resolve()));
      });
    navigator.locks.request(NAME, { signal: leaving.signal }, lead).catch(() => null); // it was aborted
  }
  return () => (leaving.abort(), channel.close());
}

class Leader {
  #tell;
  #state = { state: "connecting" };
  #source = null;
  #failures = 0;
  #polls = 0;
  #timer = 0;
  #news = null;
  #newsTimer = 0;
  #closed = false;

  constructor(tell) {
    this.#tell = tell;
  }

  repeat() {
    this.#tell(this.#state);
  }

  close() {
    this.#source?.close();
    clearTimeout(this.#timer);
    clearTimeout(this.#newsTimer);
    this.#closed = true;
    this.#tell = () => null;
  }

  connect() {
    const source = (this.#source = new EventSource(STREAM));
    this.#timer = setTimeout(() => this.#failed(), HELLO_MS);
    source.addEventListener("hello", ({ data }) => {
      clearTimeout(this.#timer);
      this.#failures = 0;
      this.#change("live", JSON.parse(data).version);
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, ({ data }) => {
        const { sandbox = null, what } = JSON.parse(data);
        this.#add(sandbox, kind === "cleared" || ENDINGS.includes(what));
      });
    }
    source.onerror = () => this.#failed();
  }

  #failed() {
    this.#change("reconnecting");
    this.#failures += 1;
    clearTimeout(this.#timer);
    if (this.#failures < MAX_FAILURES && this.#source.readyState !== EventSource.CLOSED) {
      this.#timer = setTimeout(() => this.#failed(), HELLO_MS); // the browser connects again by itself
      return;
    }
    this.#source.close();
    this.#polls = 0;
    this.poll();
  }

  async poll() {
    const before = this.#state.state;
    const status = await fetch(POLL).then((response) => response.status, () => 0);
    if (this.#closed) return;
    const answered = status === 200;
    this.#change(answered ? "polling" : REFUSALS.includes(status) ? "refused" : "offline");
    if (answered) this.#add(null);
    this.#polls += 1;
    const again = before === "offline" || before === "refused" || this.#polls % 10 === 0;
    const streams = navigator.locks && answered && again;
    this.#timer = setTimeout(() => (streams ? this.connect() : this.poll()), streams ? 0 : POLL_MS);
  }

  #change(state, version) {
    this.#state = { state, version };
    this.#tell({ ...this.#state, began: state === "live" });
  }

  /** Add news of a sandbox (null: of any), and tell them soon. */
  #add(sandbox, ended = false) {
    const news = (this.#news ??= { sandboxes: [], ended: false });
    news.ended ||= ended;
    if (sandbox === null) news.sandboxes = null;
    else if (news.sandboxes && !news.sandboxes.includes(sandbox)) news.sandboxes.push(sandbox);
    this.#newsTimer ||= setTimeout(() => this.#tellNews(), 0);
  }

  #tellNews() {
    const news = this.#news;
    this.#news = null;
    if (news) this.#tell(news);
    this.#newsTimer = news ? setTimeout(() => this.#tellNews(), NEWS_MS) : 0;
  }
}
