// A file that is dropped anywhere, or chosen, is read at once. Without this script the form does the same by its button.
const form = document.querySelector(".paste");
const file = form.querySelector("input");
const read = (files) => {
  file.files = files;
  form.submit();
};

file.addEventListener("change", () => file.files.length && form.submit());
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) read(event.dataTransfer.files);
  else form.querySelector("textarea").value = event.dataTransfer.getData("text");
});
