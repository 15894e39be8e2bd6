// A form that was sent says so and is not sent again by a second press. Without this script the server sees to it.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = form.querySelector("button:not([name])");
    if (button) {
      button.textContent = form.dataset.busy;
      button.setAttribute("aria-disabled", "true");
    }
  });
}
// A page that the back button brings back from memory can be sent again.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
