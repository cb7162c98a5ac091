# Prints the figures of R frozen into tests/stats/rank_tests_test.cpp and contingency_test.cpp:
#   Rscript tests/golden/stats/rank_references.R
show <- function(name, ...) cat(name, sprintf("%.15g", c(...)), "\n")
cat(R.version.string, "\n")

d <- c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30) -
     c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
for (side in c("two.sided", "greater", "less")) {
  w <- wilcox.test(d, alternative = side, conf.int = TRUE, exact = TRUE)
  show(paste("depression", side), w$statistic, w$p.value, w$estimate, w$conf.int)
}
large <- sapply(1:60, function(i) ((i * 37) %% 101) / 10 - 3.97)
w <- wilcox.test(large, exact = FALSE, correct = TRUE)
show("sixty corrected", w$statistic, w$p.value)
show("sixty plain", wilcox.test(large, exact = FALSE, correct = FALSE)$p.value)
show("sixty less", wilcox.test(large, exact = FALSE, alternative = "less")$p.value)
walsh <- outer(large, large, "+") / 2
show("sixty shift", median(walsh[upper.tri(walsh, diag = TRUE)]))

a <- c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46)
b <- c(1.15, 0.88, 0.90, 0.74, 1.21)
for (side in c("two.sided", "greater", "less")) {
  w <- wilcox.test(b, a, alternative = side, conf.int = TRUE, exact = TRUE, conf.level = 0.9)
  show(paste("permeability", side), w$statistic, w$p.value, w$estimate, w$conf.int)
}
x <- sapply(1:60, function(i) (i * 37) %% 101)
y <- sapply(1:70, function(i) (i * 53) %% 97 + 12)
w <- wilcox.test(y, x, exact = FALSE)
show("sixty seventy", w$statistic, w$p.value,
     wilcox.test(y, x, exact = FALSE, correct = FALSE)$p.value, median(outer(y, x, "-")))

fisher <- function(...) fisher.test(matrix(c(...), 2, byrow = TRUE))
for (t in list(c(3, 1, 1, 3), c(0, 7, 5, 4), c(150, 250, 180, 190))) {
  f <- fisher(t)
  m <- matrix(t, 2, byrow = TRUE)
  show(paste("fisher", paste(t, collapse = " ")), f$p.value,
       fisher.test(m, alternative = "greater")$p.value,
       fisher.test(m, alternative = "less")$p.value, f$estimate, f$conf.int)
}
