"use strict";
(() => {
  const root = document.documentElement;
  const remember = (value) => { try { localStorage.setItem("report-theme", value); } catch { /* a file may not */ } };
  const recall = () => { try { return localStorage.getItem("report-theme"); } catch { return null; } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const toggle = document.getElementById("theme");
  const name = () => { toggle.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (["light", "dark"].includes(recall())) root.dataset.theme = recall();
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
    name();
  });
  system.addEventListener("change", name);
  name();

  // Contents: the entry of the section in view is marked.
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const sections = [...links.keys()].map((id) => document.getElementById(id));
  const follow = () => {
    let current = sections[0];
    for (const part of sections) if (part.getBoundingClientRect().top < innerHeight * 0.3) current = part;
    for (const [id, link] of links) {
      if (id === current.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; follow(); });
  }, { passive: true });
  follow();

  // Charts: a pointer or the arrow keys read the values of every line at one place.
  const tip = document.getElementById("tip");
  const number = (value, unit) => {
    if (unit === "share") return (100 * value).toFixed(1).replace(/\.0$/, "") + " %";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-4 ? value.toExponential(2) : String(+value.toPrecision(4));
  };
  const scale = (text) => {
    const [low, high, kind, unit] = text.split(",");
    return { low: +low, high: +high, kind, unit };
  };
  const value = (share, axis) => axis.kind === "log"
    ? axis.low * Math.pow(axis.high / axis.low, share)
    : axis.low + (axis.kind === "root" ? share * share : share) * (axis.high - axis.low);
  const across = (points, x) => {
    let before = points[0];
    for (const point of points) {
      if (point[0] >= x) {
        const run = point[0] - before[0];
        return run > 0 ? before[1] + (point[1] - before[1]) * (x - before[0]) / run : point[1];
      }
      before = point;
    }
    return null;
  };
  for (const svg of document.querySelectorAll("svg[data-box]")) {
    const lines = [...svg.querySelectorAll("polyline[data-name]")].map((line) => ({
      name: line.dataset.name,
      colour: line,
      points: line.getAttribute("points").split(" ").map((p) => p.split(",").map(Number)).sort((a, b) => a[0] - b[0]),
    }));
    if (!lines.length) continue;
    const [left, top, width, height] = svg.dataset.box.split(",").map(Number);
    const xAxis = scale(svg.dataset.x), yAxis = scale(svg.dataset.y);
    const cross = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cross.setAttribute("class", "cross");
    cross.setAttribute("y1", top);
    cross.setAttribute("y2", top + height);
    let at = null;
    const hide = () => { tip.hidden = true; cross.remove(); };
    const show = (x, clientX, clientY) => {
      at = Math.max(left, Math.min(left + width, x));
      cross.setAttribute("x1", at);
      cross.setAttribute("x2", at);
      svg.append(cross);
      tip.replaceChildren(document.createTextNode(number(value((at - left) / width, xAxis), xAxis.unit)));
      for (const line of lines) {
        const y = across(line.points, at);
        if (y === null || at < line.points[0][0] - 0.5) continue;
        const row = document.createElement("div"), key = document.createElement("i");
        key.style.background = getComputedStyle(line.colour).stroke;
        row.append(key, line.name + ": " + number(value((top + height - y) / height, yAxis), yAxis.unit));
        tip.append(row);
      }
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      const right = clientX + 16 + box.width > innerWidth;
      tip.style.left = Math.max(4, right ? clientX - box.width - 16 : clientX + 16) + "px";
      tip.style.top = Math.max(4, Math.min(innerHeight - box.height - 4, clientY - box.height / 2)) + "px";
    };
    const unit = () => svg.viewBox.baseVal.width / svg.getBoundingClientRect().width;
    svg.addEventListener("pointermove", (event) => {
      show((event.clientX - svg.getBoundingClientRect().left) * unit(), event.clientX, event.clientY);
    });
    svg.addEventListener("pointerleave", hide);
    svg.addEventListener("blur", hide);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -width / 50, ArrowRight: width / 50 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const box = svg.getBoundingClientRect(), x = (at === null ? left + width / 2 : at) + step;
      show(x, box.left + x / unit(), box.top + box.height / 2);
    });
  }

  // Tables: a click on a heading sorts by that column; empty and non-numeric cells go by their text.
  const key = (cell) => {
    const text = cell.textContent.trim();
    const found = text.replace(/\u2212/g, "-").replace(/,/g, "").match(/^[+-]?[\d.]+(e[+-]?\d+)?/);
    return [found ? parseFloat(found[0]) : NaN, text];
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
        rows.sort(([[a, s]], [[b, t]]) => {
          const order = isNaN(a) || isNaN(b) ? (isNaN(a) - isNaN(b)) || s.localeCompare(t) : a - b;
          return down ? -order : order;
        });
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
})();
