"use strict";

const $ = (id) => document.getElementById(id);
const csrfToken = document.querySelector("[name=csrfmiddlewaretoken]").value;

$("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = $("problem");
  problem.hidden = true;
  try {
    const response = await fetch("/api/notes", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken },
      body: JSON.stringify({ text: $("text").value }),
    });
    if (!response.ok) throw new Error(`The note was not saved (${response.status}).`);
    const item = document.createElement("li");
    item.textContent = (await response.json()).text;
    $("notes").prepend(item);
    $("text").value = "";
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
});

const events = new EventSource("/events/");
events.addEventListener("tick", (event) => {
  const tick = JSON.parse(event.data);
  $("tick").textContent = `event ${tick.number} at ${tick.at}`;
});
events.addEventListener("error", () => {
  $("tick").textContent = events.readyState === EventSource.CLOSED ? "closed" : "connecting again";
});

const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/ws/echo`);
const reply = $("reply");
socket.addEventListener("open", () => { reply.textContent = "open"; });
socket.addEventListener("message", (event) => { reply.textContent = `echo: ${event.data}`; });
socket.addEventListener("close", () => { reply.textContent = "closed"; });
$("echo").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) socket.send(new FormData(event.target).get("text"));
});
