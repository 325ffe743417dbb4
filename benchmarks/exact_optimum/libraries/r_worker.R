# One peer in one process that stays alive: reads a command from each line of its input, answers with a line.
#
#   load <tab> file <tab> n <tab> p        [1 X] by columns in float64, then n labels in int32
#   fit <tab> tolerance <tab> iterations   seconds, converged, K - 1, coefficients by classes, warnings
#
# Coefficients are written in hexadecimal, so that no bit is lost.  Only the fit itself is timed.

method <- commandArgs(trailingOnly = TRUE)[1]
input <- file("stdin", "r")

say <- function(...) {
  cat(paste(c(...), collapse = "\t"), "\n", sep = "")
  flush(stdout())
}
one_line <- function(text) gsub("[\t\r\n]+", " ", text)

load_data <- function(path, n, p) {
  from <- file(path, "rb")
  on.exit(close(from))
  design <<- matrix(readBin(from, "double", n * (p + 1)), n)
  labels <- readBin(from, "integer", n)
  if (method == "multinom") {
    X <<- design[, -1, drop = FALSE]
    y <<- factor(labels)
    design <<- NULL
  } else {
    y <<- as.double(labels)
  }
}

methods <- list(
  glm = function(tolerance, most) {
    found <- glm.fit(design, y, family = binomial(),
                     control = glm.control(epsilon = tolerance, maxit = most))
    list(coef = t(found$coefficients), converged = found$converged)
  },
  multinom = function(tolerance, most) {
    found <- nnet::multinom(y ~ X, trace = FALSE, maxit = most, MaxNWts = 1e8, reltol = tolerance)
    # a plain vector for two classes
    coef <- if (nlevels(y) == 2) t(coef(found)) else coef(found)
    list(coef = coef, converged = found$convergence == 0)
  },
  fastglm = function(tolerance, most) {
    found <- fastglm::fastglmPure(design, y, family = binomial(), method = 2L, tol = tolerance, maxit = most)
    list(coef = t(found$coefficients), converged = found$converged)
  }
)

fit <- function(tolerance, most) {
  warned <- character()
  start <- Sys.time()
  found <- withCallingHandlers(methods[[method]](tolerance, most), warning = function(w) {
    warned <<- c(warned, one_line(conditionMessage(w)))
    invokeRestart("muffleWarning")
  })
  seconds <- as.double(Sys.time()) - as.double(start)
  numbers <- paste(sprintf("%a", as.double(t(found$coef))), collapse = " ")
  say("ok", sprintf("%.9f", seconds), isTRUE(found$converged), nrow(found$coef), numbers, unique(warned))
}

while (length(line <- readLines(input, 1)) > 0) {
  words <- strsplit(line, "\t", fixed = TRUE)[[1]]
  tryCatch(
    switch(words[1],
      load = { load_data(words[2], as.double(words[3]), as.double(words[4])); say("ok") },
      fit = fit(as.double(words[2]), as.integer(words[3])),
      stop("no such command: ", words[1])
    ),
    error = function(e) say("error", one_line(conditionMessage(e)))
  )
}
