// What the generated client is marked with; the JDK has left it to an artifact since Java 11.
package javax.annotation;

public @interface Generated {
  String[] value();

  String date() default "";

  String comments() default "";
}
