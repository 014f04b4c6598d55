// What a page with live pictures shows, frame by frame, and what moved them.
// All times are in milliseconds on the page's clock (performance.now(), event.timeStamp).

window.probe = (() => {
  const kernel = () => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const unanswered = new Set(); // messages that the kernel has not dealt with
  let seen = null; // while watching: moves (input), frames (new pictures), missing, boxes

  function follow(_, { msg, direction }) {
    const idle = msg.header.msg_type === "status" && msg.content.execution_state === "idle";
    if (direction === "send" && msg.channel === "shell") unanswered.add(msg.header.msg_id);
    if (direction === "recv" && idle) unanswered.delete(msg.parent_header.msg_id);
  }

  const note = (event) => seen?.moves.push(event.timeStamp);

  function start() {
    kernel().anyMessage.connect(follow);
    for (const type of ["keydown", "pointermove"]) document.addEventListener(type, note, true);
  }

  // From now on, note the first animation frame in which a new picture is shown and decoded, frames
  // in which there is no picture, and the places that pictures take on the page.
  function watch(root) {
    const mine = { moves: [], frames: [], missing: 0, boxes: [] };
    seen = mine;
    let source = root.querySelector("img")?.src;
    const look = () => {
      if (seen !== mine) return;
      requestAnimationFrame(look);
      const image = root.querySelector("img");
      const box = image?.getBoundingClientRect();
      // Until a new source has arrived, the browser keeps the old picture on screen.
      const broken = image?.complete && !image.naturalWidth;
      if (!box?.width || !box.height || broken) {
        mine.missing += 1;
        return;
      }
      mine.boxes.push([box.left, box.top, box.width, box.height]);
      if (image.src === source) return;
      source = image.src;
      const shown = () => requestAnimationFrame(() => mine.frames.push(performance.now()));
      image.decode().then(shown, () => {}); // an error: replaced before it was decoded
    };
    requestAnimationFrame(look);
  }

  // Wait until a new picture was shown, every message is answered and nothing changes any more;
  // end the watch and return what was seen.
  async function settled(seconds) {
    const until = performance.now() + 1000 * seconds;
    let [count, quietSince] = [0, performance.now()];
    while (!count || performance.now() - quietSince < 300) {
      if (performance.now() > until) throw new Error(`no rest after ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (unanswered.size || seen.frames.length !== count) quietSince = performance.now();
      count = seen.frames.length;
    }
    const found = seen;
    seen = null;
    return found;
  }

  // The SHA-256 of the PNG file that is shown.
  async function digest(root) {
    const bytes = await (await fetch(root.querySelector("img").src)).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // The value of a Python expression in the kernel, as its repr.
  async function ask(expression) {
    const content = { code: "", user_expressions: { answer: expression }, store_history: false };
    const { answer } = (await kernel().requestExecute(content).done).content.user_expressions;
    if (answer.status !== "ok") throw new Error(`${answer.ename}: ${answer.evalue}`);
    return answer.data["text/plain"];
  }

  return { start, watch, settled, digest, ask };
})();
