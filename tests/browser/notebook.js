// What the tests ask of a page with one notebook in JupyterLab (`window.jupyterapp`).
// The cells are known by their number among all cells, from 0.

window.course = (() => {
  const panel = () => window.jupyterapp?.shell.currentWidget; // no application yet, or no notebook
  const cells = () => panel().content.widgets;
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const cellOf = (element) => cells().findIndex((cell) => cell.node.contains(element));
  const late = []; // what the kernel complained of outside of cells, as widgets' callbacks do
  let running = false;

  const within = (seconds, promise, what) =>
    Promise.race([
      promise,
      pause(1000 * seconds).then(() => {
        const dialog = document.querySelector(".jp-Dialog")?.innerText ?? "";
        throw new Error(`${what}: not finished after ${seconds} s. ${dialog}`);
      }),
    ]);

  const frame = () =>
    Promise.race([new Promise((resolve) => requestAnimationFrame(resolve)), pause(100)]);

  // Whether the kernel has dealt with all that the page sent, and what came of it has arrived.
  // A question in between would not tell: widgets talk to a thread of their own in the kernel.
  const unanswered = new Set();

  function follow(_, { msg, direction }) {
    const { msg_id: id, msg_type: type } = msg.header;
    if (direction === "send" && msg.channel === "shell") {
      unanswered.add(id);
      if (type.endsWith("_request")) unanswered.add(`reply to ${id}`);
    } else if (type === "status" && msg.content.execution_state === "idle") {
      unanswered.delete(msg.parent_header.msg_id);
    } else if (type.endsWith("_reply")) {
      unanswered.delete(`reply to ${msg.parent_header.msg_id}`);
    }
  }

  async function answered() {
    while (unanswered.size) await pause(50);
  }

  const text = (lines) => (Array.isArray(lines) ? lines.join("") : lines);
  const plain = (lines) => text(lines).replace(/\x1b\[[0-9;]*m/g, "");

  const complaint = (type, content) => {
    if (type === "error") return `${content.ename}: ${content.evalue}`;
    if (type === "stream" && content.name === "stderr") return plain(content.text).trim();
  };

  function listen() {
    panel().sessionContext.session.kernel.anyMessage.connect(follow);
    panel().sessionContext.iopubMessage.connect((_, message) => {
      const found = complaint(message.header.msg_type, message.content);
      const byCell = running && message.parent_header.msg_type === "execute_request";
      const greeting = found?.startsWith("No such comm"); // JupyterLab's, before ipywidgets is there
      if (found && !byCell && !greeting) late.push(found);
    });
  }

  async function ready(seconds) {
    const until = performance.now() + 1000 * seconds;
    while (!panel()?.context) {
      if (performance.now() > until) throw new Error(`no notebook after ${seconds} s`);
      await pause(50);
    }
    await within(seconds, panel().context.ready, "opening the notebook");
    await within(seconds, panel().sessionContext.ready, "starting the kernel");
    await within(seconds, panel().sessionContext.session.kernel.info, "connecting to the kernel");
    listen();
  }

  const outputs = () => [...panel().node.querySelectorAll(".jp-OutputArea-output")];

  // Widgets are there, or have failed; one that still loads after that is reported by `onPage`.
  async function loaded(seconds) {
    const until = performance.now() + 1000 * seconds;
    while (outputs().some((output) => output.textContent.trim().startsWith("Loading widget"))) {
      if (performance.now() > until) return;
      await pause(50);
    }
  }

  async function trust() {
    for (const cell of cells()) cell.model.trusted = true;
    await loaded(30);
  }

  async function run(command, seconds) {
    running = true;
    const run = window.jupyterapp.commands.execute(command);
    await within(seconds, run, command); // ends with the first exception, so go on
    await within(seconds, answered(), command);
    await loaded(30);
    running = false;
  }

  const runAll = (seconds) => run("notebook:run-all-cells", seconds);

  function select(number) {
    panel().content.activeCellIndex = number;
    panel().content.deselectAll();
  }

  async function runCell(number, seconds) {
    select(number);
    await run("notebook:run-cell", seconds);
  }

  // Run a cell without waiting for its end.
  function startCell(number) {
    select(number);
    window.jupyterapp.commands.execute("notebook:run-cell");
  }

  const runs = (number) => cells()[number].inputArea.promptNode.innerText.includes("*");

  // What an expression is worth in the kernel, as Python writes it.
  async function value(expression, seconds) {
    const content = { code: "", store_history: false, user_expressions: { value: expression } };
    const { kernel } = panel().sessionContext.session;
    const { done } = kernel.requestExecute(content);
    const found = (await within(seconds, done, expression)).content.user_expressions.value;
    return found.data?.["text/plain"] ?? complaint("error", found);
  }

  const write = (number, source) => cells()[number].model.sharedModel.setSource(source);

  function errors() {
    const found = [];
    cells().forEach((cell, number) => {
      const { model } = cell;
      if (model.type !== "code") return;
      if (!model.executionCount && model.sharedModel.source.trim()) {
        found.push(`cell ${number} did not run`);
      }
      const mayRaise = (model.getMetadata("tags") ?? []).includes("raises-exception");
      for (const output of model.outputs.toJSON()) {
        const fault = complaint(output.output_type, output);
        if (fault && !(mayRaise && output.output_type === "error")) {
          found.push(`cell ${number}: ${fault}`);
        }
      }
    });
    return [...found, ...late.map((fault) => `a widget's callback: ${fault}`), ...onPage()];
  }

  // What a reader would see as broken.
  function onPage() {
    const found = [];
    const report = (element, fault) => found.push(`cell ${cellOf(element)}: ${fault}`);
    for (const output of outputs()) {
      const line = output.innerText.match(
        /(Error displaying widget|Loading widget|Javascript Error).*/,
      );
      if (line) report(output, line[0]);
    }
    for (const formula of panel().node.querySelectorAll("[data-mjx-error]")) {
      report(formula, `formula: ${formula.dataset.mjxError}`);
    }
    for (const text of panel().node.querySelectorAll("mjx-assistive-mml mtext")) {
      const macro = text.textContent.trim();
      if (/^\\\w+$/.test(macro)) report(text, `formula: unknown ${macro}`);
    }
    for (const image of panel().node.querySelectorAll("img")) {
      if (image.complete && !image.naturalWidth) report(image, `missing image ${image.alt}`);
    }
    return found;
  }

  // A finger print of an image's pixels; null where there is none or all have one color.
  async function pixels(image) {
    const { src } = image; // a new picture has a new address
    if (prints.get(image)?.src === src) return prints.get(image).print;
    try {
      await image.decode();
    } catch {
      return null; // replaced while it was decoded, or broken
    }
    const print = await fingerPrint(image);
    if (image.src === src) prints.set(image, { src, print });
    return print;
  }

  const prints = new WeakMap(); // those that are known

  async function fingerPrint(image) {
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const colors = new Uint32Array(data.buffer);
    if (colors.every((color) => color === colors[0])) return null;
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // The number of good pictures in each cell's outputs.
  async function pictures() {
    const counts = cells().map(() => 0);
    for (const image of panel().node.querySelectorAll(".jp-OutputArea-output img")) {
      if (await pixels(image)) counts[cellOf(image)] += 1;
    }
    return counts;
  }

  // Where a handle stands on its track, from 0 to 1: its origin is shifted by -1000% to 0%.
  const fraction = (origin) => 1 + Number(origin.style.transform.match(/-?[\d.]+/)[0]) / 1000;

  function control(element) {
    const handle = element.querySelector(".noUi-handle");
    const options = [...element.querySelectorAll("select option, button")];
    const box = element.querySelector("input[type=checkbox]");
    const labels = [...element.querySelectorAll(".widget-label, .widget-label-basic")];
    const own = labels.length ? labels.find((label) => label.offsetParent) : element; // if shown
    const label = (own?.innerText || element.previousElementSibling?.innerText || "").trim();
    if (handle) {
      return {
        kind: "slider",
        label,
        value: element.querySelector(".widget-readout")?.innerText ?? handle.ariaValueText,
        fraction: fraction(handle.parentElement),
      };
    }
    if (box) return { kind: "toggle", label, value: String(box.checked) };
    if (options.length) {
      const chosen = options.find((option) => option.selected || option.matches(".mod-active"));
      return { kind: "choice", label, value: chosen?.innerText ?? "" };
    }
    return { kind: "button", label, value: "" };
  }

  async function state(root) {
    const image = root.querySelector("img.live-figure");
    const [box, outer] = [image?.getBoundingClientRect(), root.getBoundingClientRect()];
    return {
      picture: image && (await pixels(image)),
      reading: root.querySelector(".live-reading")?.innerText.trim() ?? "",
      values: [...root.querySelectorAll(".live-control")].map((each) => control(each).value),
      place: box && [box.left - outer.left, box.top - outer.top, box.width, box.height],
    };
  }

  const shown = (root, selector) =>
    [...root.querySelectorAll(selector)].map((element) => element.textContent.trim());

  function prediction(root) {
    const radios = [...root.querySelectorAll("input[type=radio]")];
    const label = (radio) => radio.closest("label").textContent.trim();
    return {
      question: shown(root, "p")[0].replace(/^Predict\.\s*/, ""),
      options: radios.map(label),
      chosen: radios.filter((radio) => radio.checked).map(label),
    };
  }

  // What the places that come back to a question say.
  function reveals(question, seconds) {
    const places = [...document.querySelectorAll(".quiz-reveal")];
    const said = (root) => shown(root, "[role=status]").join(" ");
    const found = places.filter((root) => shown(root, ".aside").includes(question));
    return Promise.all(found.map((root) => settled(root, said, seconds)));
  }

  const panelIn = (number) => cells()[number].node.querySelector(".exercise");

  function exercise(root) {
    return {
      verdict: shown(root, "p[role=status]").join(" "),
      hints: shown(root, "ol[role=status] li"),
      code: shown(root, "pre[role=status]").join(""),
    };
  }

  const source = (number) => cells()[number].model.sharedModel.source;
  const checked = (number) => source(number).match(/^(?:.*[ .])?check\((\w+)\)$/m)?.[1];

  // The numbers of the cells that check an exercise.
  const checks = () => [...cells().keys()].filter(checked);

  // The exercise that a cell checks, and the number of the cell above that holds its function.
  function task(number) {
    const name = checked(number);
    const written = new RegExp(`(def|class) ${name}\\b`);
    const above = [...cells().keys()].slice(0, number);
    return [name, above.findLast((cell) => written.test(source(cell)))];
  }

  // What `read` finds, once the kernel has answered all moves and nothing changes any more.
  async function settled(root, read, seconds) {
    const until = performance.now() + 1000 * seconds;
    root.scrollIntoView({ block: "nearest" });
    const busy = () => unanswered.size || root.querySelector(".live-stop:not([disabled])");
    let [before, same] = ["", 0]; // the last that was read at rest, and how often in a row
    while (same < 2) {
      if (performance.now() > until) {
        throw new Error(`not at rest after ${seconds} s: ${root.innerText}`);
      }
      if (busy()) {
        same = 0;
        await pause(20); // without a frame: on a long page each costs as much
        continue;
      }
      await frame();
      const now = JSON.stringify(await read(root));
      same = now !== before ? 1 : busy() ? 0 : same + 1;
      before = now;
    }
    return JSON.parse(before);
  }

  async function theme(name) {
    if (document.body.dataset.jpThemeName === name) return;
    await window.jupyterapp.commands.execute("apputils:change-theme", { theme: name });
    await document.fonts.ready;
    await pause(500); // the style sheet's own transitions
  }

  // Where the visible part of the notebook stands, how long the whole is, and where it can be cut.
  function layout() {
    const outer = panel().node.querySelector(".jp-WindowedPanel-outer");
    const { left, top, width, height } = outer.getBoundingClientRect();
    const boxes = (selector) =>
      [...outer.querySelectorAll(selector)].map((element) => element.getBoundingClientRect());
    const onPage = (y) => y - top + outer.scrollTop;
    const tops = (selector) => boxes(selector).map((box) => onPage(box.top));
    const end = onPage(Math.max(...boxes(".jp-Cell").map((box) => box.bottom)));
    const blocks = tops(".jp-OutputArea-child, .jp-RenderedMarkdown > *");
    return { left, top, width, height, end, cells: tops(".jp-Cell"), blocks };
  }

  async function scroll(y) {
    const outer = panel().node.querySelector(".jp-WindowedPanel-outer");
    outer.scrollTop = y;
    await frame();
    await frame();
    return outer.scrollTop;
  }

  const save = () => window.jupyterapp.commands.execute("docmanager:save");

  const shutdown = () => panel().sessionContext.shutdown();

  return {
    cellOf, checks, control, errors, exercise, layout, panelIn, pictures, prediction, ready, reveals,
    runAll, runCell, runs, save, scroll, settled, shutdown, source, startCell, state, task, theme,
    trust, value, write,
  };
})();
