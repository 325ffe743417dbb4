# The figures of r_inference.py, by R and packages of others: base, sandwich, survey, VGAM.
#
#     Rscript tests/published/r_inference.R src/sigmax/datasets/data
#
# prints each figure to nine digits, of a covariance the standard errors and, to eight decimals, correlations.
# A matrix is printed by rows, the intercept first, multinomial coefficients class after class.  glm ends
# where the deviance does not change, at half of the digits of the parameters, and its covariance is that
# before the last step: it starts again from there.

suppressPackageStartupMessages({library(sandwich); library(survey); library(VGAM)})
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(file.path(folder, paste0(name, ".csv")))
tight <- glm.control(epsilon = 1e-15, maxit = 50)
again <- function(m) {
  for (i in 1:3) m <- update(m, start = coef(m))
  m
}

significant <- function(x) formatC(as.numeric(x), digits = 9, format = "g", flag = "#", width = 16)
decimals <- function(x) formatC(as.numeric(x), digits = 8, format = "f", width = 16)
show <- function(name, value, number = significant) {
  cells <- number(if (is.matrix(value)) t(value) else value)
  per_line <- if (is.matrix(value) && ncol(value) < 6) ncol(value) else 6
  lines <- split(cells, (seq_along(cells) - 1) %/% per_line)
  text <- paste(sapply(lines, function(l) paste(l, collapse = "")), collapse = "\n")
  cat(sprintf('        "%s": """\n%s""",\n', name, text))
}
covariance <- function(kind, V) {
  show(paste(kind, "bse"), sqrt(diag(V)))
  show(paste(kind, "correlation"), cov2cor(V), decimals)
}
open <- function(name) cat(sprintf('    "%s": {\n', name))
close <- function() cat("    },\n")
likelihood <- function(m) {
  show("llf", as.numeric(logLik(m)))
  show("deviance", m$deviance)
  show("null_deviance", m$null.deviance)
  show("aic", AIC(m))
  show("bic", BIC(m))
}
covariances <- function(m, cluster) {
  show("params", coef(m))
  covariance("mle", vcov(m))
  covariance("HC0", vcovHC(m, type = "HC0"))
  covariance("HC1", vcovHC(m, type = "HC1"))
  covariance("cluster", vcovCL(m, cluster = cluster, type = "HC0", cadjust = TRUE))
}

cat(sprintf('VERSIONS = {\n    "R": "%s",\n', paste(R.version$major, R.version$minor, sep = ".")))
for (p in c("sandwich", "survey", "VGAM")) cat(sprintf('    "%s": "%s",\n', p, packageVersion(p)))
cat("}\n\nFIGURES: dict[str, dict[str, str]] = {\n")

spector <- read("spector")
m <- again(glm(GRADE ~ GPA + TUCE + PSI, binomial, spector, control = tight))
open("spector")
likelihood(m)
covariances(m, spector$TUCE)
show("conf_int", confint.default(m))
new <- data.frame(GPA = c(2.5, 3.25, 4), TUCE = c(20, 25, 17), PSI = c(1, 0, 1))
at <- predict(m, new, type = "link", se.fit = TRUE)
half <- qnorm(0.975) * at$se.fit
show("proba", plogis(as.numeric(at$fit)))
show("proba_lower", plogis(as.numeric(at$fit - half)))
show("proba_upper", plogis(as.numeric(at$fit + half)))
close()

fair <- read("fair")
formula <- affair ~ rate_marriage + age + yrs_married + children + religious + educ + occupation +
  occupation_husb
m <- again(glm(formula, binomial, fair, control = tight))
open("fair")
likelihood(m)
covariances(m, fair$age * 10 + fair$occupation)
close()

# weights 1, 2, 3, ..., 7, 1, 2, ...; an offset; both
fair$w <- (seq_len(nrow(fair)) - 1) %% 7 + 1
fair$o <- fair$yrs_married / 16
short <- affair ~ rate_marriage + religious + educ
m <- again(glm(short, binomial, fair, weights = w, offset = o, control = tight))
open("fair, weights and offset")
show("aic", AIC(m))
show("deviance", m$deviance)
show("null_deviance", m$null.deviance)
show("params", coef(m))
covariance("mle", vcov(m))
# sandwich squares the weighted scores: the weights are importance weights
covariance("HC0", vcovHC(m, type = "HC0"))
covariance("HC1", vcovHC(m, type = "HC1"))
covariance("cluster", vcovCL(m, cluster = fair$age, type = "HC0", cadjust = TRUE))
close()

# each row w times: the weights are frequency weights
long <- fair[rep(seq_len(nrow(fair)), fair$w), ]
m <- again(glm(short, binomial, long, offset = o, control = tight))
open("fair, repeated rows and offset")
likelihood(m)
covariances(m, long$age)
close()

# the weights are sampling weights
open("fair, survey")
for (by in c("rows", "clusters")) {
  design <- svydesign(if (by == "rows") ~1 else ~age, weights = ~w, data = fair)
  m <- svyglm(short, design, family = quasibinomial, control = tight)
  for (i in 1:3) m <- svyglm(short, design, family = quasibinomial, control = tight, start = coef(m))
  if (by == "rows") show("params", coef(m))
  covariance(by, vcov(m))
}
close()

# counts: affairs of those of each rating and religiosity
grouped <- aggregate(cbind(some = affair, none = 1 - affair) ~ rate_marriage + religious, fair, sum)
grouped <- grouped[order(grouped$rate_marriage, grouped$religious), ]
m <- again(glm(cbind(some, none) ~ rate_marriage + religious, binomial, grouped, control = tight))
open("fair, counts")
show("deviance", m$deviance)
show("null_deviance", m$null.deviance)
show("params", coef(m))
covariance("mle", vcov(m))
close()

# many classes: VGAM, and the Poisson model with an effect of each respondent that is the same likelihood
# (Baker, The Statistician 43, 1994), in which respondents are the clusters.  Three classes: 0, 1 to 5, 6.
anes <- read("anes96")
anes$three <- factor((anes$PID > 0) + (anes$PID == 6))
variables <- c("logpopul", "selfLR", "age", "educ", "income")
classes <- function(etastart) vglm(
  reformulate(variables, "three"), multinomial(refLevel = 1), anes, etastart = etastart,
  control = vglm.control(criterion = "coefficients", epsilon = 1e-13, maxit = 50))
m <- classes(NULL)
m <- classes(predict(m))
by_class <- order(rep(1:2, times = 6))  # VGAM runs through the classes first
open("anes96, three classes")
show("llf", logLik(m))
show("params", coef(m)[by_class])
covariance("mle", vcov(m)[by_class, by_class])
n <- nrow(anes)
long <- do.call(rbind, lapply(0:2, function(k) {
  d <- data.frame(respondent = factor(seq_len(n)), k = k, educ = anes$educ,
                  count = as.numeric(anes$three == k))
  Z <- cbind(1, as.matrix(anes[variables]))
  X <- cbind(Z * (k == 1), Z * (k == 2))
  colnames(X) <- sprintf("z%02d", seq_len(ncol(X)))
  cbind(d, X)
}))
structural <- sprintf("z%02d", 1:12)
m <- glm(reformulate(c("respondent - 1", structural), "count"), poisson, long,
         control = glm.control(epsilon = 1e-14, maxit = 50))
m <- again(m)
wanted <- match(structural, names(coef(m)))
for (by in c("HC0", "cluster")) {
  V <- vcovCL(m, cluster = if (by == "HC0") long$respondent else long$educ, type = "HC0",
              cadjust = by == "cluster")
  covariance(by, V[wanted, wanted])
}
close()
cat("}\n")
